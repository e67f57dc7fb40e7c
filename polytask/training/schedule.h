#pragma once
#include <polytask/core/options.h>

#include <cstdint>
#include <string>

namespace polytask {

/// The `schedule` section. Every schedule gives a factor in [0, 1] (one_cycle: relative to the peak) that multiplies
/// each group's own learning rate.
struct ScheduleOptions {
  std::string type = "constant";  ///< constant | step | cosine | one_cycle | polynomial | plateau
  int64_t warmup = 0;             ///< steps of linear warm-up from warmup_factor to 1, before the schedule proper
  double warmup_factor = 0.0;
  int64_t every = 30;          ///< step: epochs between decays
  double gamma = 0.1;          ///< step, plateau: factor of each decay
  double final_factor = 0.0;   ///< cosine, polynomial: factor at the end
  double power = 1.0;          ///< polynomial
  double peak_at = 0.3;        ///< one_cycle: share of the run where the peak lies
  double start_factor = 0.04;  ///< one_cycle: factor at step 0
  double end_factor = 1e-4;    ///< one_cycle: factor at the end
  int64_t patience = 10;       ///< plateau: epochs without improvement of train.monitor before a decay
  double threshold = 1e-4;     ///< plateau: relative improvement that counts
  double min_factor = 0.0;     ///< plateau
  void fields(Fields& f);
};

/// Learning-rate factors. All but plateau are pure functions of the step.
class Schedule {
 public:
  /// total_steps: optimiser steps of the whole run; steps_per_epoch for `step`.
  Schedule(const ScheduleOptions& options, int64_t total_steps, int64_t steps_per_epoch);
  /// Factor for the optimiser step with 0-based index `step`.
  double factor(int64_t step) const;
  /// End of an epoch with the monitored value (plateau alone listens). `lower_is_better` is the monitor's direction.
  void epoch_ended(double monitored, bool lower_is_better);
  Node state() const;
  void load_state(const Node& state);

 private:
  double shape(double step) const;  // of the schedule proper, after warm-up

  ScheduleOptions options_;
  int64_t total_steps_, steps_per_epoch_;
  double plateau_factor_ = 1.0, best_ = 0.0;
  bool has_best_ = false;
  int64_t bad_epochs_ = 0;
};

}  // namespace polytask
