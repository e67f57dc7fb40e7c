#pragma once
#include <polytask/core/node.h>
#include <polytask/io/event_file.h>
#include <polytask/training/evaluation.h>
#include <polytask/training/step.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// metrics.jsonl and the TensorBoard events of a run. Every line is whole when it appears and names its kind: "step"
/// (losses, applied weights, learning rate), "epoch" (means and validation figures) or "event".
class RunLog {
 public:
  /// Appends to `directory`/metrics.jsonl. Lines of steps after `keep_steps` (from a process that was killed) are cut
  /// off.
  RunLog(const std::filesystem::path& directory, std::vector<std::string> tasks, std::vector<std::string> couplings,
         bool tensorboard, int64_t keep_steps);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  void step(int64_t step, int64_t epoch, const StepResult& result, double lr, double seconds);
  /// `train_losses`: means of the epoch. `validation` may be null.
  void epoch(int64_t step, int64_t epoch, const std::vector<double>& train_losses, const Evaluation* validation,
             double seconds);
  /// Final figures on a split ("validation", "test").
  void evaluation(int64_t step, const std::string& split, const Evaluation& evaluation);
  void event(int64_t step, const std::string& what);

 private:
  void write(const Node& line);
  void scalar(const std::string& tag, double value, int64_t step);

  std::filesystem::path path_;
  std::vector<std::string> tasks_, couplings_;
  int file_ = -1;
  std::unique_ptr<EventFile> events_;
};

}  // namespace polytask
