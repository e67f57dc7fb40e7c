#pragma once
#include <polytask/training/session.h>

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// One task's predictions for N samples.
struct TaskPrediction {
  std::string task;
  std::vector<std::string> names;        ///< K: class names, or targets with units ("diameter [mm]")
  at::Tensor values;                     ///< [N, K] on the CPU: probabilities, or values in real units; or maps of them
  bool one_class = false;                ///< classification: the answer is the class with the highest probability
  bool is_map() const;                   ///< a task with a value per pixel: `values` are [N, K, H, W]
  std::string label(int64_t row) const;  ///< where one_class and not is_map()
  double probability(int64_t row) const;  ///< of that label
};

/// Predictions for N samples.
struct Predictions {
  std::vector<std::string> rows;      ///< what each sample is: a file, a line of a table
  std::vector<TaskPrediction> tasks;  ///< in the order of the configuration
  const TaskPrediction& task(const std::string& name) const;
};

/// A trained run, ready to be asked: loads configuration and checkpoint, preprocesses, predicts, gives real units and
/// class names. Needs none of the training data.
class Predictor {
 public:
  /// `checkpoint`: "best" or "last". `device` "" = the run's. InputError where the run or a file is not what it should
  /// be.
  explicit Predictor(const std::filesystem::path& run, const std::string& checkpoint = "best",
                     const std::string& device = "");

  std::vector<std::string> tasks() const { return session_.task_names(); }
  /// What a sample consists of, in the order of the run's data.
  std::vector<InputSpec> inputs() const;
  /// The first of them, of runs with a single one.
  const InputSpec& input() const { return session_.preprocess.front().spec(); }
  const Session& session() const { return session_; }

  /// Files, folders or lists as the run's source reads them.
  Predictions predict(const std::vector<std::string>& paths);
  /// Raw samples, a tensor [N, …] for each of `inputs()` by its name (photographs 0…255; table columns, categories as
  /// indices). InputError where one is missing, unknown, of another shape or of another N.
  Predictions predict(const NamedTensors& raw);
  /// The same for a run with a single input. InputError where it has several.
  Predictions predict(const at::Tensor& raw);

 private:
  Predictions collect(const std::vector<std::vector<at::Tensor>>& batches, std::vector<std::string> rows) const;
  std::vector<at::Tensor> forward(const NamedTensors& inputs);

  Session session_;
};

/// Writes `.csv` (one line per sample) or `.json` (a list of records, all class probabilities included), by the ending
/// of `path`; atomic. InputError for another ending, and where a task's predictions are maps.
void write_predictions(const std::filesystem::path& path, const Predictions& predictions);

/// Throws the InputError of write_predictions where a task of the run predicts maps, before anything is predicted.
void require_table(const Session& session);

}  // namespace polytask
