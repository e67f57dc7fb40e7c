#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/training/gradients.h>
#include <polytask/training/step.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full_like.h>

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

[[noreturn]] void stop_at_gradient(const std::string& names) {
  throw WorkError(
      "the gradient of {} is not finite although the losses are (train.on_nan: stop); try a smaller learning rate or "
      "gradient clipping (train.clip)",
      names);
}

// Copies of the encoder's features for the heads: the heads' graphs end in them.
std::vector<Features> leaves_of(const std::vector<Features>& features) {
  std::vector<Features> leaves;
  for (const Features& levels : features) {
    Features copies;
    for (const at::Tensor& level : levels)
      copies.push_back(level.defined() ? level.detach().requires_grad_(level.requires_grad()) : level);
    leaves.push_back(std::move(copies));
  }
  return leaves;
}

}  // namespace

Batch to_device(const Batch& batch, const c10::Device& device) {
  if (device.is_cpu()) return batch;
  Batch moved = batch;
  for (auto* part : {&moved.inputs, &moved.targets, &moved.valid, &moved.observed})
    for (auto& [name, tensor] : *part) tensor = tensor.to(device, /*non_blocking=*/true);
  return moved;
}

std::pair<at::Tensor, at::Tensor> task_targets(const Batch& batch, const std::string& task) {
  const auto target = batch.targets.find(task);
  if (target == batch.targets.end()) return {};
  const auto valid = batch.valid.find(task);
  if (valid == batch.valid.end()) return {target->second, {}};
  const auto counted = batch.labelled.find(task);
  if (counted == batch.labelled.end()) {
    if (!valid->second.any().item<bool>()) return {};
  } else if (counted->second == 0) {
    return {};
  } else if (counted->second == valid->second.numel()) {
    return {target->second, {}};
  }
  return {target->second, valid->second};
}

Stepper::Stepper(Session& session, GroupedOptimizer& optimizer, Random& balance_random)
    : session_(session),
      optimizer_(optimizer),
      draws_(balance_random),
      parameters_(session.model->model_parameters()),
      objectives_(session.objective_names()) {}

Stepper::Forward Stepper::forward(const Batch& batch, int64_t epoch, bool for_balancing) {
  Model& model = *session_.model;
  Forward result;
  auto features = model.represent(batch.inputs);
  const bool apart = for_balancing && session_.balancer->splits_graph();
  std::vector<Features> leaves = apart ? leaves_of(features) : std::vector<Features>();
  const auto& fed = apart ? leaves : features;
  const bool with_kpis = for_balancing && session_.balancer->method().needs().kpis;
  if (with_kpis) result.kpis.assign(session_.tasks.size(), 0.0);
  result.losses.resize(objectives_.size());
  std::vector<at::Tensor> outputs(session_.tasks.size());
  for (size_t t = 0; t < session_.tasks.size(); ++t) {
    const auto& task = *session_.tasks[t];
    const auto [target, valid] = task_targets(batch, task.name());
    if (!target.defined() && !is_coupled(t)) continue;
    outputs[t] = model.decode(static_cast<int64_t>(t), fed.size() == 1 ? fed[0] : fed[t], batch.inputs);
    if (!target.defined()) continue;
    result.losses[t] = task.loss(outputs[t], target, valid);
    if (with_kpis && result.losses[t].defined()) result.kpis[t] = task.kpi(outputs[t].detach(), target, valid);
  }
  couple(batch, outputs, epoch, result);
  if (for_balancing) result.penalty = model.penalty();  // after the heads: a term may concern only tasks that are there
  if (apart) {
    result.features = std::move(features);
    result.leaves = std::move(leaves);
  }
  return result;
}

StepResult Stepper::step(const std::vector<Batch>& batches, LossState state, bool measure_gradients) {
  StepResult result;
  optimizer_.zero_grad();
  backward(batches, state, result, measure_gradients);
  if (!result.skipped) check_gradients(batches, state.epoch, result);
  if (result.skipped) return result;
  const auto& clip = session_.experiment.train.clip;
  if (clip.any()) clip_gradients(parameters_, session_.task_count(), clip);
  optimizer_.step();
  auto& method = session_.balancer->method();
  if (method.needs().second_loss) note_losses_after_step(batches.back(), state);
  method.after_step(state);
  return result;
}

// Batches of the same independent sample are accumulated: with two samples and four batches, 0 and 1 are the first's.
void Stepper::backward(const std::vector<Batch>& batches, LossState& state, StepResult& result,
                       bool measure_gradients) {
  auto& balancer = *session_.balancer;
  LossMeans means(objectives_.size());
  const auto samples = static_cast<size_t>(balancer.method().needs().independent_batches);
  const size_t accumulate = batches.size() / samples;
  if (accumulate * samples != batches.size())
    throw WorkError("a step of {} batches can not make {} independent ones", batches.size(), samples);
  state.draws = &draws_;
  state.share = 1.0 / static_cast<double>(accumulate);
  const bool skip_tasks = session_.experiment.train.on_nan == "skip_task";
  for (size_t i = 0; i < batches.size() && !result.skipped; ++i) {
    Forward pass = forward(to_device(batches[i], session_.device), state.epoch, true);
    state.kpis = std::move(pass.kpis);
    drop_not_finite(pass.losses, state, result);
    note_couplings(pass, batches.size(), state, result);
    means.add(state);
    if (result.skipped) break;
    add_penalty(pass.penalty, batches.size(), result);
    if (measure_gradients && result.gradient_norms.empty() && pass.features.empty())
      result.gradient_norms = task_gradient_norms(pass.losses, parameters_);
    if (!pass.features.empty()) add_couplings_apart(pass, 1.0 / static_cast<double>(batches.size()), state.epoch);
    BackwardContext context{pass.losses, parameters_, std::move(pass.features), std::move(pass.leaves)};
    context.sample = static_cast<int64_t>(i / accumulate);
    context.last = i + 1 == batches.size();
    context.skip_tasks = skip_tasks;
    context.terms = coupling_terms(pass, state.epoch);
    context.heads_shared = objectives_.size() > session_.tasks.size();
    context.measure_norms = measure_gradients;
    result.weights = balancer.backward(context, state);
    note_not_finite_gradients(result);
  }
  if (result.skipped) balancer.abandon();
  if (result.gradient_norms.empty()) result.gradient_norms = result.weights.gradient_norms;
  result.losses = means.means();
}

// Balanced gradients are added to what is there already. The graph is kept: the penalty may share parts of it with the
// losses.
void Stepper::add_penalty(const at::Tensor& penalty, size_t batches, StepResult& result) const {
  if (!penalty.defined()) return;
  const double share = 1.0 / static_cast<double>(batches);
  result.penalty = (std::isnan(result.penalty) ? 0.0 : result.penalty) + share * penalty.item<double>();
  if (penalty.requires_grad()) penalty.backward(at::full_like(penalty, share), /*retain_graph=*/true);
}

// Gradient methods see each task's gradient, so a bad one has a name before anything is done with it.
void Stepper::note_not_finite_gradients(StepResult& result) const {
  if (result.weights.not_finite.empty()) return;
  std::vector<std::string> names;
  for (int64_t t : result.weights.not_finite) names.push_back(objectives_[static_cast<size_t>(t)]);
  const auto& policy = session_.experiment.train.on_nan;
  if (policy == "stop") stop_at_gradient(fmt::format("{}", fmt::join(names, ", ")));
  result.not_finite.insert(result.not_finite.end(), names.begin(), names.end());
  result.skipped = policy == "skip_step";
}

// Of the batch that the method weighed last: with gradient accumulation it stands for the step.
void Stepper::note_losses_after_step(const Batch& batch, LossState& state) {
  const at::NoGradGuard no_grad;
  const auto losses = forward_losses(to_device(batch, session_.device), state.epoch);
  for (size_t t = 0; t < losses.size(); ++t) {
    state.losses[t] = losses[t].defined() ? losses[t].item<double>() : 0.0;
    state.present[t] = losses[t].defined() && std::isfinite(state.losses[t]) ? 1 : 0;
  }
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
    bad.push_back(objectives_[t]);
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
void Stepper::check_gradients(const std::vector<Batch>& batches, int64_t epoch, StepResult& result) {
  if (gradients_are_finite(parameters_)) return;
  for (const auto& batch : batches) {
    const auto losses = forward_losses(to_device(batch, session_.device), epoch);
    for (size_t t = 0; t < losses.size(); ++t) {
      if (!losses[t].defined()) continue;
      optimizer_.zero_grad();
      losses[t].backward({}, /*retain_graph=*/true);
      if (!gradients_are_finite(parameters_)) result.not_finite.push_back(objectives_[t]);
    }
  }
  optimizer_.zero_grad();
  const std::string names =
      result.not_finite.empty() ? "all tasks together" : fmt::format("{}", fmt::join(result.not_finite, ", "));
  if (session_.experiment.train.on_nan == "stop") stop_at_gradient(names);
  if (result.not_finite.empty()) result.not_finite.push_back("gradient");
  result.skipped = true;
}

}  // namespace polytask
