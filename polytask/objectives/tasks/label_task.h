#pragma once
#include <polytask/objectives/loss.h>
#include <polytask/objectives/task_type.h>

#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// What binary and multilabel tasks share: K independent yes/no labels, logits and targets [B, K].
class LabelTask : public TaskType {
 public:
  /// `loss` and `metrics` are resolved.
  LabelTask(const std::string& name, std::vector<std::string> labels, const Node& loss, Node metrics,
            double loss_scale);

  TargetRequest target_request() const override;
  void fit(const Targets& targets, const std::vector<int64_t>& train_rows) override;
  int64_t outputs() const override { return static_cast<int64_t>(labels_.size()); }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override;
  at::Tensor predict(const at::Tensor& output) const override;
  std::vector<std::string> prediction_names() const override { return labels_; }
  double loss_scale() const override { return loss_scale_; }
  double kpi(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override;
  std::unique_ptr<TaskMetrics> make_metrics() const override;
  /// Nothing is fitted.
  Node state() const override { return Node::map_of(); }
  void load_state(const Node&) override {}

 private:
  std::vector<std::string> labels_;  ///< [K] expressions
  std::unique_ptr<Loss> loss_;
  Node metrics_;
  double loss_scale_;
};

}  // namespace polytask
