#pragma once
#include <polytask/objectives/tasks/column_metrics.h>

#include <string>

namespace polytask {

/// The metrics of a number per pixel, over all labelled pixels.
class MapMetrics : public TaskMetrics {
 public:
  /// `predict`: output → real units, both [B, 1, H, W].
  MapMetrics(ColumnMetrics::Predict predict, const ColumnMetrics::CreateMetrics& create, const std::string& name,
             const std::string& unit);

  void update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) override;
  std::vector<MetricValue> values() const override { return pixels_.values(); }
  void reset() override { pixels_.reset(); }

 private:
  ColumnMetrics::Predict predict_;
  ColumnMetrics pixels_;
};

}  // namespace polytask
