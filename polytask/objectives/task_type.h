#pragma once
#include <polytask/core/registry.h>
#include <polytask/core/tensors.h>
#include <polytask/data/targets.h>
#include <polytask/objectives/metric.h>

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// One figure of an evaluation.
struct MetricValue {
  /// "accuracy", "mae"; several targets: "mae/width_px" each, after "mae", the mean over the targets where it is
  /// defined (left out for figures in the targets' units where those differ).
  std::string name;
  double value = 0;
  Direction direction = Direction::higher_is_better;
  std::string unit;  ///< "mm" or ""
};

/// Accumulates the metrics of one task over batches.
class TaskMetrics {
 public:
  virtual ~TaskMetrics() = default;
  /// Raw head output and targets of a batch, on any device; `valid` may be undefined (all labelled).
  virtual void update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) = 0;
  virtual std::vector<MetricValue> values() const = 0;
  virtual void reset() = 0;
  /// Confusion matrix long [C, C] for classification with at most 2048 classes, undefined otherwise.
  virtual at::Tensor confusion() const { return {}; }
};

/// What a task is: what it asks of data and model, its loss, its metrics, what its output means.
class TaskType {
 public:
  virtual ~TaskType() = default;

  const std::string& name() const { return name_; }  ///< the task's
  virtual TargetRequest target_request() const = 0;  ///< what it asks of the data
  /// Fits on training targets (class names and counts, target mean and standard deviation). Called once, before
  /// outputs().
  virtual void fit(const Targets& targets, const std::vector<int64_t>& train_rows) = 0;
  virtual int64_t outputs() const = 0;  ///< width of the head's output
  /// Mean loss over the labelled entries, a scalar with graph; undefined where the loss leaves out all of them (classes
  /// of weight 0, values that have no logarithm). `valid` may be undefined. Must not be called where nothing is
  /// labelled.
  virtual at::Tensor loss(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const = 0;
  /// Output → what a user reads: class probabilities [B, C], probabilities [B, K], values in real units [B, K] (double
  /// where the units need it). Tensor operations only, so that export can trace it.
  virtual at::Tensor predict(const at::Tensor& output) const = 0;
  /// Column headers of predict's values: class names, or target names with units.
  virtual std::vector<std::string> prediction_names() const = 0;
  virtual std::vector<std::string> class_names() const { return {}; }
  /// The unit of what predict gives ("m"), or "".
  virtual std::string unit() const { return ""; }
  /// Whether there is a label per pixel: outputs, predictions, targets and masks are maps, [B, C, H, W] (targets of
  /// classes [B, H, W]).
  virtual bool is_dense() const { return false; }
  virtual bool is_classification() const { return false; }  ///< one class each: predict's argmax is the answer
  virtual bool is_regression() const { return false; }
  /// Loss scale κ of uncertainty weighting and the like.
  virtual double loss_scale() const { return 1; }
  /// How well a batch is solved, for methods that weigh tasks by it: in [0, 1], 1 being perfect, over the labelled
  /// entries alone (`valid` may be undefined), without a gradient; 0 where nothing is labelled.
  /// Classification: accuracy; binary, multilabel: the share of labels on the right side of probability 0.5;
  /// regression: 1 − root mean squared error in the units the head learns (standard deviations of the training targets
  /// unless `standardise: false`), so that answering the training mean throughout gives about 0. Per pixel the same.
  virtual double kpi(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const = 0;
  virtual std::unique_ptr<TaskMetrics> make_metrics() const = 0;
  /// Everything `fit` found, so that a run can be loaded without data.
  virtual Node state() const = 0;
  virtual void load_state(const Node& state) = 0;

 protected:
  explicit TaskType(std::string name) : name_(std::move(name)) {}

 private:
  std::string name_;
};

/// `create(node, task_name)`; the node is the task's section without `head`.
using TaskTypeRegistry = Registry<TaskType, const std::string&>;
TaskTypeRegistry& task_types();  ///< classification, binary, multilabel, regression, segmentation, dense_regression

/// A task's section with every default written out, loss and metrics included, `head` as it stands. Resolving again
/// changes nothing.
Node resolve_task_section(const Node& section);
std::unique_ptr<TaskType> create_task(const std::string& name, const Node& section);

}  // namespace polytask
