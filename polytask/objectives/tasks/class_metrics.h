#pragma once
#include <polytask/objectives/task_type.h>

#include <memory>
#include <optional>
#include <vector>

namespace polytask {

/// The metrics of a classification task, from logits [B, C].
class ClassMetrics : public TaskMetrics {
 public:
  ClassMetrics(std::vector<std::unique_ptr<Metric>> metrics, int64_t classes);

  void update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) override;
  std::vector<MetricValue> values() const override;
  void reset() override;
  at::Tensor confusion() const override { return confusion_ ? confusion_->counts() : at::Tensor(); }

 private:
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::optional<ConfusionMatrix> confusion_;  ///< none where it would be huge
};

}  // namespace polytask
