#pragma once
#include <polytask/core/random.h>
#include <polytask/training/evaluation.h>
#include <polytask/training/optimizer.h>
#include <polytask/training/run_directory.h>
#include <polytask/training/run_log.h>
#include <polytask/training/schedule.h>
#include <polytask/training/session.h>
#include <polytask/training/step.h>
#include <polytask/training/training_progress.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// How a run ended.
struct TrainResult {
  std::vector<std::string> tasks;
  TrainingProgress progress;
  std::string monitor;  ///< what "best" was judged by
  bool stopped_early = false;
  std::optional<Evaluation> validation, test;  ///< of the best checkpoint
  std::string run;                             ///< the run directory
};

/// The training loop: epochs of steps, validation, best and last checkpoints, early stopping. A run that is interrupted
/// and resumed takes the same steps, bit for bit, as one that is not.
class Trainer {
 public:
  /// Goes on from `resume` where given (the session must have been opened from it).
  Trainer(Session& session, RunDirectory& run, const Checkpoint* resume = nullptr);

  /// Trains to the end and evaluates the best checkpoint on validation and test rows. Throws Interrupted (after a
  /// checkpoint) on SIGINT or SIGTERM, WorkError by `on_nan: stop`; the run's status says which.
  TrainResult run();

 private:
  void restore(const Checkpoint& checkpoint);
  void train_epoch();
  void take_step(std::vector<Batch>& batches);
  void record(const StepResult& result, double samples, double seconds);
  void note_solver(const StepResult& result, int64_t step);
  void finish_epoch(double seconds);
  std::optional<Evaluation> validate();
  bool judge(const Evaluation* validation, const std::vector<double>& train_losses, double coupled);
  void stop_if_asked();
  void save(const std::filesystem::path& path);
  bool done() const;
  TrainResult conclude();

  Session& session_;
  RunDirectory& run_;
  const TrainOptions& options_;
  std::string monitor_;
  GroupedOptimizer optimizer_;
  Random balance_random_;
  Stepper stepper_;
  TrainingProgress progress_;
  int64_t batches_per_epoch_, batches_per_step_, steps_per_epoch_, total_steps_;
  Schedule schedule_;
  std::optional<RunLog> log_;
  Weights last_weights_;
  double last_objective_ = 0;
  bool stopped_early_ = false;
};

}  // namespace polytask
