#include <polytask/objectives/losses/mean_loss.h>
#include <polytask/objectives/tasks/class_metrics.h>

#include <ATen/ops/softmax.h>
#include <c10/core/GradMode.h>

namespace polytask {
namespace {

constexpr int64_t kMostConfusionClasses = 2048;  // 32 MiB

}  // namespace

ClassMetrics::ClassMetrics(std::vector<std::unique_ptr<Metric>> metrics, int64_t classes)
    : metrics_(std::move(metrics)) {
  if (classes <= kMostConfusionClasses) confusion_.emplace(classes);
}

void ClassMetrics::update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) {
  const c10::AutoGradMode no_grad(false);
  const at::Tensor logits = at_least_float32(output.detach().to(at::kCPU));  // [B, C]
  MetricInput input{at::softmax(logits, 1), target.to(at::kCPU)};
  if (valid.defined()) {
    const at::Tensor rows = valid.to(at::kCPU).nonzero().squeeze(1);
    input = {input.prediction.index_select(0, rows), input.target.index_select(0, rows)};
  }
  for (auto& metric : metrics_) metric->update(input);
  if (confusion_) confusion_->update(input);
}

std::vector<MetricValue> ClassMetrics::values() const {
  std::vector<MetricValue> values;
  for (const auto& metric : metrics_) values.push_back({metric->name(), metric->value(), metric->direction(), ""});
  return values;
}

void ClassMetrics::reset() {
  for (auto& metric : metrics_) metric->reset();
  if (confusion_) confusion_->reset();
}

}  // namespace polytask
