#include <polytask/objectives/metric.h>

#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

namespace polytask {

ConfusionMatrix::ConfusionMatrix(int64_t classes) : counts_(at::zeros({classes, classes}, at::kLong)) {}

void ConfusionMatrix::update(const MetricInput& batch) {
  const at::Tensor cell = batch.target * counts_.size(1) + batch.prediction.argmax(1);
  counts_.view(-1).scatter_add_(0, cell, at::ones_like(cell));
}

void ConfusionMatrix::reset() { counts_.zero_(); }

at::Tensor class_iou(const at::Tensor& counts) {
  const at::Tensor both = counts.diagonal();
  const at::Tensor either = counts.sum(0) + counts.sum(1) - both;
  return both.to(at::kDouble) / either.to(at::kDouble);  // 0/0 is NaN
}

}  // namespace polytask
