#pragma once
#include <polytask/core/node.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// Where a run stands. All of it is in a checkpoint, so that a resumed run goes on as if nothing had happened.
struct TrainingProgress {
  int64_t step = 0;                               ///< optimiser steps taken
  int64_t epoch = 0;                              ///< the epoch under way, 0-based
  int64_t batch = 0;                              ///< batches of it already used
  int64_t skipped_steps = 0;                      ///< by train.on_nan
  int64_t dropped_losses = 0;                     ///< by train.on_nan: skip_task
  int64_t failed_solves = 0;                      ///< steps in which the balancing method's solver fell back
  std::vector<double> loss_sums, loss_weights;    ///< [T] of the epoch under way
  double coupled_sum = 0, coupled_weight = 0;     ///< of what couplings added to the sum, likewise
  std::vector<std::vector<double>> epoch_losses;  ///< [finished epoch][T] means
  bool has_best = false;
  double best = 0;  ///< of the monitored value
  int64_t best_step = 0, best_epoch = 0;
  int64_t epochs_without_best = 0;

  Node to_node() const;
  static TrainingProgress from_node(const Node& node);
};

}  // namespace polytask
