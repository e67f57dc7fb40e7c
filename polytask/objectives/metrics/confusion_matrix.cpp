#include <polytask/objectives/metric.h>
#include <polytask/objectives/metrics/predicted_classes.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

namespace polytask {

ConfusionMatrix::ConfusionMatrix(int64_t classes)
    : counts_(at::zeros({classes, classes}, at::kLong)), unanswered_(at::zeros({classes}, at::kLong)) {}

void ConfusionMatrix::update(const MetricInput& batch) {
  const at::Tensor predicted = predicted_classes(batch.prediction), answered = predicted.ge(0);
  const at::Tensor cell = (batch.target * counts_.size(1) + predicted).masked_select(answered);
  counts_.view(-1).scatter_add_(0, cell, at::ones_like(cell));
  unanswered_ += batch.target.masked_select(answered.logical_not()).bincount({}, unanswered_.size(0));
}

void ConfusionMatrix::reset() {
  counts_.zero_();
  unanswered_.zero_();
}

at::Tensor class_iou(const ConfusionMatrix& confusion) {
  const at::Tensor& counts = confusion.counts();
  const at::Tensor both = counts.diagonal();
  const at::Tensor either = counts.sum(0) + counts.sum(1) + confusion.unanswered() - both;
  return both.to(at::kDouble) / either.to(at::kDouble);  // 0/0 is NaN
}

}  // namespace polytask
