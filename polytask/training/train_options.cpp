#include <polytask/training/train_options.h>

namespace polytask {

void ClipOptions::fields(Fields& f) {
  f.field("shared", shared, "largest norm of the gradient of all shared parameters", above(0));
  f.field("heads", heads, "largest norm of the gradient of each task's own parameters", above(0));
  f.field("total", total, "largest norm of the whole gradient, after the other two", above(0));
}

void EarlyStopOptions::fields(Fields& f) {
  f.field("patience", patience, "stop after so many epochs without improvement of the monitor; 0: never", at_least(0));
  f.field("min_delta", min_delta, "an improvement is more than this", at_least(0));
}

void TrainOptions::fields(Fields& f) {
  f.field("epochs", epochs, "passes over the training rows", at_least(1));
  f.field("max_steps", max_steps, "stop after so many optimiser steps; 0: after the epochs", at_least(0));
  f.field("accumulate", accumulate, "batches whose gradients make one optimiser step", at_least(1));
  f.field("monitor", monitor,
          "what decides the best checkpoint: train/loss, val/loss, val/<task>/loss or val/<task>/<metric>");
  f.section("early_stop", early_stop, "when to stop before the last epoch");
  f.section("clip", clip, "gradient clipping by norm");
  f.field(
      "on_nan", on_nan,
      "what a loss or gradient that is not finite does; skip_task leaves the task out of the batch (a gradient that "
      "is not finite where the loss is cannot be taken out of the joint gradient, so then the step is skipped)",
      one_of({"stop", "skip_step", "skip_task"}));
  f.field("checkpoint_every", checkpoint_every,
          "optimiser steps between checkpoints inside an epoch; 0: at the end of epochs only", at_least(0));
  f.field("evaluation_batch", evaluation_batch, "rows per batch in evaluation; 0: the training batch size",
          at_least(0));
  f.field("test", test,
          "evaluate the best checkpoint on the test rows in the end; false leaves them untouched, for `polytask "
          "evaluate` to measure later");
}

void GradientTracking::fields(Fields& f) {
  f.field("every", every,
          "optimiser steps between measurements of each task's gradient norm over the shared parameters; 0: the first "
          "step of every epoch; -1: never",
          at_least(-1));
}

void TrackingOptions::fields(Fields& f) {
  f.field("directory", directory, "where run directories are made");
  f.field("log_every", log_every, "optimiser steps between lines of metrics.jsonl", at_least(1));
  f.field("tensorboard", tensorboard, "write TensorBoard event files");
  f.section("gradients", gradients, "per-task gradient norms");
}

}  // namespace polytask
