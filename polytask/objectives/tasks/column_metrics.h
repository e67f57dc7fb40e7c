#pragma once
#include <polytask/objectives/task_type.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// The metrics of a task whose target has K columns (labels, real values): each column by itself and, for K > 1, their
/// mean over the columns where the figure is defined.
class ColumnMetrics : public TaskMetrics {
 public:
  using Predict = std::function<at::Tensor(const at::Tensor& output)>;  ///< output → [B, K]
  using CreateMetrics = std::function<std::vector<std::unique_ptr<Metric>>()>;

  /// `names` and `units`: one per column.
  ColumnMetrics(Predict predict, const CreateMetrics& create, std::vector<std::string> names,
                std::vector<std::string> units);

  void update(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) override;
  std::vector<MetricValue> values() const override;
  void reset() override;

 private:
  bool comparable(const Metric& metric) const;
  MetricValue mean_of(size_t metric) const;

  Predict predict_;
  std::vector<std::string> names_, units_;
  std::vector<std::vector<std::unique_ptr<Metric>>> columns_;  ///< [K][metrics]
};

}  // namespace polytask
