#pragma once
#include <polytask/objectives/task_type.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// The metrics of a segmentation, from logits [B, C, H, W]: each listed one over all labelled pixels and, where class
/// names are given, "iou/<class>" for each class (NaN where it is neither there nor predicted).
class SegmentationMetrics : public TaskMetrics {
 public:
  SegmentationMetrics(std::vector<std::unique_ptr<Metric>> metrics, std::vector<std::string> class_names,
                      int64_t classes);

  void update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) override;
  std::vector<MetricValue> values() const override;
  void reset() override;
  at::Tensor confusion() const override { return confusion_.counts(); }

 private:
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::vector<std::string> class_names_;
  ConfusionMatrix confusion_;
};

}  // namespace polytask
