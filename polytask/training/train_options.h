#pragma once
#include <polytask/core/options.h>

#include <cstdint>
#include <optional>
#include <string>

namespace polytask {

/// Largest allowed gradient norms; what is not given is not clipped. `heads` holds for each task's own parameters,
/// `total` for everything, after the other two.
struct ClipOptions {
  std::optional<double> shared, heads, total;
  void fields(Fields& f);
  bool any() const { return shared || heads || total; }
};

struct EarlyStopOptions {
  int64_t patience = 0;    ///< epochs without improvement of the monitor; 0: never
  double min_delta = 0.0;  ///< an improvement is more than this
  void fields(Fields& f);
};

/// The `train` section.
struct TrainOptions {
  int64_t epochs = 10;
  int64_t max_steps = 0;   ///< stop after that many optimiser steps; 0: after `epochs`
  int64_t accumulate = 1;  ///< batches per optimiser step
  std::string monitor =
      "val/loss";  ///< what "best" means: train/loss, val/loss, val/<task>/loss or val/<task>/<metric>
  EarlyStopOptions early_stop;
  ClipOptions clip;
  std::string on_nan = "stop";   ///< stop | skip_step | skip_task
  int64_t checkpoint_every = 0;  ///< optimiser steps between checkpoints inside an epoch; 0: at the end of epochs only
  int64_t evaluation_batch = 0;  ///< rows per batch in evaluation; 0: the training batch size
  bool test = true;              ///< evaluate the best checkpoint on the test rows in the end
  void fields(Fields& f);
};

/// Per-task gradient norms over the shared parameters.
struct GradientTracking {
  int64_t every = 0;  ///< optimiser steps; 0: the first batch of every epoch; −1: never
  void fields(Fields& f);
};

/// The `tracking` section.
struct TrackingOptions {
  std::string directory = "runs";  ///< where run directories are made
  int64_t log_every = 1;           ///< optimiser steps between lines of metrics.jsonl
  bool tensorboard = true;
  GradientTracking gradients;
  void fields(Fields& f);
};

}  // namespace polytask
