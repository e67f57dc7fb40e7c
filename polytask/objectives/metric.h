#pragma once
#include <polytask/core/registry.h>
#include <polytask/core/tensors.h>

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// Which values are better; `nearer_0_is_better` for signed errors (bias).
enum class Direction { higher_is_better, lower_is_better, nearer_0_is_better };

/// What a metric sees of a batch, only labelled samples. n samples.
struct MetricInput {
  at::Tensor
      prediction;     ///< classes: probabilities [n, C]; binary: probabilities [n]; regression: real units [n] (double)
  at::Tensor target;  ///< classes: long [n]; binary: float [n]; regression: real units [n] (double)
};

/// Accumulates over batches in bounded memory (exact AUROC and median keep a bounded sketch).
class Metric {
 public:
  virtual ~Metric() = default;
  virtual void update(const MetricInput& batch) = 0;
  /// NaN where nothing was seen or the metric is undefined (AUROC of one class).
  virtual double value() const = 0;
  virtual void reset() = 0;
  virtual Direction direction() const = 0;
  /// "accuracy", "mae" …
  virtual std::string name() const = 0;
  /// True where the value is in the target's unit (MAE, RMSE), false for pure numbers.
  virtual bool in_target_units() const { return false; }
};

/// The families' metrics by name, options included (a task's `metrics` may say {top_k: {k: 3}} for {type: top_k, k:
/// 3}). `classes` is the number of classes (1 for binary and regression).
using MetricRegistry = Registry<Metric, int64_t /*classes*/>;
MetricRegistry& classification_metrics();  ///< accuracy, top_k, macro_f1
MetricRegistry& binary_metrics();          ///< accuracy, f1, auroc, average_precision
MetricRegistry& regression_metrics();      ///< mae, rmse, r2, median_ae
/// For maps, pixel by pixel: the labelled pixels of a batch are the samples.
MetricRegistry& segmentation_metrics();      ///< miou, pixel_accuracy
MetricRegistry& dense_regression_metrics();  ///< mae, rmse, bias, r2, abs_rel, delta

/// Rows: true class, columns: predicted class.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int64_t classes);
  void update(const MetricInput& batch);
  const at::Tensor& counts() const { return counts_; }  ///< long [C, C]
  /// By true class, the samples whose probabilities are not finite and so name no class: long [C]. `counts` is without.
  const at::Tensor& unanswered() const { return unanswered_; }
  void reset();

 private:
  at::Tensor counts_, unanswered_;
};

/// Intersection over union of every class, double [C]: of its pixels, true (unanswered ones too) or predicted, the
/// share that is both. NaN for a class that is neither among truths nor predictions.
at::Tensor class_iou(const ConfusionMatrix& confusion);

}  // namespace polytask
