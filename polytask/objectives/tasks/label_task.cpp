#include <polytask/objectives/losses/mean_loss.h>
#include <polytask/objectives/tasks/column_metrics.h>
#include <polytask/objectives/tasks/label_task.h>
#include <polytask/objectives/tasks/task_data.h>
#include <polytask/objectives/tasks/task_fields.h>

#include <ATen/ops/sigmoid.h>
#include <c10/core/GradMode.h>

namespace polytask {
namespace {

at::Tensor probabilities(const at::Tensor& output) { return at::sigmoid(at_least_float32(output)); }

}  // namespace

LabelTask::LabelTask(const std::string& name, std::vector<std::string> labels, const Node& loss, Node metrics,
                     double loss_scale)
    : TaskType(name), labels_(std::move(labels)), metrics_(std::move(metrics)), loss_scale_(loss_scale) {
  loss_ = naming_task(name, [&] {
    create_metrics(metrics_, binary_metrics(), 1);  // so that their errors come before training
    return binary_losses().create(loss, outputs());
  });
}

TargetRequest LabelTask::target_request() const {
  TargetRequest request;
  request.task = name();
  request.kind = TargetKind::binary;
  request.expressions = labels_;
  return request;
}

void LabelTask::fit(const Targets& targets, const std::vector<int64_t>& train_rows) {
  require_labels(name(), train_labels(targets, train_rows).valid, labels_);
}

at::Tensor LabelTask::loss(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const {
  check_shapes(name(), output, outputs(), target, outputs(), valid);
  return mean_loss(*loss_, output, target, valid);
}

at::Tensor LabelTask::predict(const at::Tensor& output) const { return probabilities(output); }

double LabelTask::kpi(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const {
  check_shapes(name(), output, outputs(), target, outputs(), valid);
  const c10::AutoGradMode no_grad(false);
  const at::Tensor p = probabilities(output);
  return unit_interval(labelled_mean(p.ge(0.5).eq(target.gt(0.5)).logical_and(p.isfinite()), valid));
}

std::unique_ptr<TaskMetrics> LabelTask::make_metrics() const {
  return std::make_unique<ColumnMetrics>(
      probabilities, [this] { return create_metrics(metrics_, binary_metrics(), 1); }, labels_,
      std::vector<std::string>(labels_.size()));
}

}  // namespace polytask
