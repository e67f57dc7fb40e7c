#include <polytask/objectives/losses/mean_loss.h>
#include <polytask/objectives/tasks/dense_data.h>
#include <polytask/objectives/tasks/segmentation_metrics.h>

#include <ATen/ops/softmax.h>
#include <c10/core/GradMode.h>

namespace polytask {

SegmentationMetrics::SegmentationMetrics(std::vector<std::unique_ptr<Metric>> metrics,
                                         std::vector<std::string> class_names, int64_t classes)
    : metrics_(std::move(metrics)), class_names_(std::move(class_names)), confusion_(classes) {}

void SegmentationMetrics::update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) {
  const c10::AutoGradMode no_grad(false);
  at::Tensor logits = pixels_of(output.detach().to(at::kCPU));
  at::Tensor labels = target.to(at::kCPU).reshape({-1});
  if (valid.defined()) {
    const at::Tensor labelled = valid.to(at::kCPU).reshape({-1}).nonzero().squeeze(1);
    logits = logits.index_select(0, labelled);
    labels = labels.index_select(0, labelled);
  }
  const MetricInput input{at::softmax(at_least_float32(logits), 1), labels};
  for (auto& metric : metrics_) metric->update(input);
  confusion_.update(input);
}

std::vector<MetricValue> SegmentationMetrics::values() const {
  std::vector<MetricValue> values;
  for (const auto& metric : metrics_) values.push_back({metric->name(), metric->value(), metric->direction(), ""});
  if (class_names_.empty()) return values;
  const at::Tensor iou = class_iou(confusion_);
  for (size_t c = 0; c < class_names_.size(); ++c)
    values.push_back(
        {"iou/" + class_names_[c], iou[static_cast<int64_t>(c)].item<double>(), Direction::higher_is_better, ""});
  return values;
}

void SegmentationMetrics::reset() {
  for (auto& metric : metrics_) metric->reset();
  confusion_.reset();
}

}  // namespace polytask
