#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/training/gradients.h>
#include <polytask/training/step.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace polytask {
namespace {

// Means of each task's losses over the batches of a step.
class LossMeans {
 public:
  explicit LossMeans(size_t tasks) : sums_(tasks, 0.0), counts_(tasks, 0) {}
  void add(const LossState& state) {
    for (size_t t = 0; t < sums_.size(); ++t) {
      if (!state.present[t]) continue;
      sums_[t] += state.losses[t];
      ++counts_[t];
    }
  }
  std::vector<double> means() const {
    std::vector<double> result;
    for (size_t t = 0; t < sums_.size(); ++t)
      result.push_back(counts_[t] > 0 ? sums_[t] / static_cast<double>(counts_[t]) : std::nan(""));
    return result;
  }

 private:
  std::vector<double> sums_;
  std::vector<int64_t> counts_;
};

}  // namespace

Batch to_device(const Batch& batch, const c10::Device& device) {
  if (device.is_cpu()) return batch;
  Batch moved = batch;
  for (auto* part : {&moved.inputs, &moved.targets, &moved.valid})
    for (auto& [name, tensor] : *part) tensor = tensor.to(device, /*non_blocking=*/true);
  return moved;
}

std::pair<at::Tensor, at::Tensor> task_targets(const Batch& batch, const std::string& task) {
  const auto target = batch.targets.find(task);
  if (target == batch.targets.end()) return {};
  const auto valid = batch.valid.find(task);
  if (valid == batch.valid.end()) return {target->second, {}};
  if (!valid->second.any().item<bool>()) return {};
  return {target->second, valid->second};
}

Stepper::Stepper(Session& session, GroupedOptimizer& optimizer, Random& balance_random)
    : session_(session),
      optimizer_(optimizer),
      draws_(balance_random),
      parameters_(session.model->model_parameters()) {}

std::vector<at::Tensor> Stepper::forward_losses(const Batch& batch) {
  const auto outputs = session_.model->forward(batch.inputs);
  std::vector<at::Tensor> losses(outputs.size());
  for (size_t t = 0; t < outputs.size(); ++t) {
    const auto& task = *session_.tasks[t];
    const auto [target, valid] = task_targets(batch, task.name());
    if (target.defined()) losses[t] = task.loss(outputs[t], target, valid);
  }
  return losses;
}

StepResult Stepper::step(const std::vector<Batch>& batches, LossState state, bool measure_gradients) {
  StepResult result;
  LossMeans means(session_.tasks.size());
  state.draws = &draws_;
  state.share = 1.0 / static_cast<double>(batches.size());
  optimizer_.zero_grad();

  for (const auto& batch : batches) {
    auto losses = forward_losses(to_device(batch, session_.device));
    drop_not_finite(losses, state, result);
    means.add(state);
    if (result.skipped) break;
    if (measure_gradients && result.gradient_norms.empty())
      result.gradient_norms = task_gradient_norms(losses, parameters_);
    result.weights = session_.balancer->backward({losses, parameters_}, state);
  }
  result.losses = means.means();
  if (!result.skipped) check_gradients(batches, result);
  if (result.skipped) return result;
  const auto& clip = session_.experiment.train.clip;
  if (clip.any()) clip_gradients(parameters_, session_.task_count(), clip);
  optimizer_.step();
  session_.balancer->method().after_step(state);
  return result;
}

// Fills state.losses and state.present, and takes losses that are not finite out, as `on_nan` says.
void Stepper::drop_not_finite(std::vector<at::Tensor>& losses, LossState& state, StepResult& result) const {
  const size_t tasks = losses.size();
  state.losses.assign(tasks, 0.0);
  state.present.assign(tasks, 0);
  std::vector<std::string> bad;
  for (size_t t = 0; t < tasks; ++t) {
    if (!losses[t].defined()) continue;
    state.losses[t] = losses[t].item<double>();
    state.present[t] = std::isfinite(state.losses[t]) ? 1 : 0;
    if (state.present[t]) continue;
    bad.push_back(session_.tasks[t]->name());
    losses[t] = at::Tensor();
  }
  if (bad.empty()) return;
  const auto& policy = session_.experiment.train.on_nan;
  if (policy == "stop")
    throw WorkError(
        "step {}: the loss of {} is not finite (train.on_nan: stop); try a smaller learning rate or gradient "
        "clipping (train.clip), or look at the targets",
        state.step, fmt::join(bad, ", "));
  result.not_finite.insert(result.not_finite.end(), bad.begin(), bad.end());
  result.skipped = policy == "skip_step";
}

// A joint gradient that is not finite cannot be mended: the step stops or is skipped, and the tasks are named by
// walking each one's gradient again.
void Stepper::check_gradients(const std::vector<Batch>& batches, StepResult& result) {
  if (gradients_are_finite(parameters_)) return;
  for (const auto& batch : batches) {
    const auto losses = forward_losses(to_device(batch, session_.device));
    for (size_t t = 0; t < losses.size(); ++t) {
      if (!losses[t].defined()) continue;
      optimizer_.zero_grad();
      losses[t].backward({}, /*retain_graph=*/true);
      if (!gradients_are_finite(parameters_)) result.not_finite.push_back(session_.tasks[t]->name());
    }
  }
  optimizer_.zero_grad();
  const std::string names =
      result.not_finite.empty() ? "all tasks together" : fmt::format("{}", fmt::join(result.not_finite, ", "));
  if (session_.experiment.train.on_nan == "stop")
    throw WorkError(
        "the gradient of {} is not finite although the losses are (train.on_nan: stop); try a smaller learning "
        "rate or gradient clipping (train.clip)",
        names);
  if (result.not_finite.empty()) result.not_finite.push_back("gradient");
  result.skipped = true;
}

}  // namespace polytask
