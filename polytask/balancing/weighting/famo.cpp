#include <polytask/balancing/weighting/famo.h>
#include <polytask/balancing/weighting/per_task.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>

#include <cmath>
#include <limits>
#include <memory>

namespace polytask {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kAdamEpsilon = 1e-8;

double weight_decay_of(const std::string& convention) {
  if (convention == "libmtl" || convention == "torchjd") return 1e-3;
  return convention == "fairgrad" ? 1e-5 : 0.01;
}

}  // namespace

void FamoOptions::fields(Fields& f) {
  f.field("convention", convention, "whose default for weight_decay",
          one_of({"paper", "official", "libmtl", "torchjd", "fairgrad"}));
  f.field("lr", lr, "learning rate of the logits", at_least(0));
  f.field("weight_decay", weight_decay,
          "decay of the logits, gamma in the paper; default: the convention's, 0.01 (libmtl, torchjd 0.001; fairgrad "
          "0.00001)",
          at_least(0));
  f.field("min_losses", min_losses, "lower bounds of the losses, one number or one for each task");
  f.field("epsilon", epsilon, "added to what a loss is above its lower bound", at_least(0));
}

Famo::Famo(const FamoOptions& options) : options_(options) {
  if (!options_.weight_decay) options_.weight_decay = weight_decay_of(options.convention);
}

void Famo::setup(const std::vector<TaskInfo>& tasks) {
  names_ = task_names(tasks);
  min_losses_ = per_task("min_losses", options_.min_losses, names_);
  for (auto* zeros : {&logits_, &first_moments_, &second_moments_, &steps_}) zeros->assign(tasks.size(), 0);
  logs_before_.clear();
}

Needs Famo::needs() const {
  Needs needs;
  needs.second_loss = true;
  return needs;
}

std::vector<double> Famo::shares(const std::vector<size_t>& tasks) const {
  std::vector<double> logits;
  for (size_t t : tasks) logits.push_back(logits_[t]);
  return softmax(logits);
}

double Famo::log_excess(const LossState& state, size_t task) const {
  const double excess = state.losses[task] - min_losses_[task] + options_.epsilon;
  if (!(excess > 0))
    throw WorkError(
        "famo: the loss of {} is {} in step {}, not above its lower bound {}: set `min_losses` to what the loss can "
        "not "
        "fall below",
        task_text(names_, task), state.losses[task], state.step, min_losses_[task]);
  return std::log(excess);
}

Weights Famo::weigh(const LossState& state, bool train) {
  check_setup("famo", names_.size(), state);
  Weights weights = no_weights(state);
  weights.shown["z"].assign(names_.size(), 0);
  std::vector<double> logs(names_.size(), std::numeric_limits<double>::quiet_NaN());
  const auto tasks = present_tasks(state);
  const auto z = shares(tasks);
  std::vector<double> logits;  // of w: ξ − log D
  double c = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const size_t t = tasks[i];
    logs[t] = log_excess(state, t);
    logits.push_back(logits_[t] - logs[t]);
    weights.shown["z"][t] = z[i];
    weights.objective += z[i] * logs[t];
    c += z[i] * std::exp(-logs[t]);
  }
  const auto w = softmax(logits);
  for (size_t i = 0; i < tasks.size(); ++i) weights.w[tasks[i]] = w[i];
  if (!tasks.empty()) weights.objective /= c;
  if (train) logs_before_ = std::move(logs);
  return weights;
}

void Famo::after_step(const LossState& state) {
  check_setup("famo", names_.size(), state);
  if (logs_before_.empty()) return;
  std::vector<size_t> tasks;
  std::vector<double> falls;
  for (size_t t : present_tasks(state)) {
    const double fall = logs_before_[t] - std::log(state.losses[t] - min_losses_[t] + options_.epsilon);
    if (!std::isfinite(fall)) continue;
    tasks.push_back(t);
    falls.push_back(fall);
  }
  logs_before_.clear();
  const auto z = shares(tasks);
  double mean = 0;
  for (size_t i = 0; i < tasks.size(); ++i) mean += z[i] * falls[i];
  for (size_t i = 0; i < tasks.size(); ++i)
    step_logit(tasks[i], z[i] * (falls[i] - mean) + *options_.weight_decay * logits_[tasks[i]]);
}

void Famo::step_logit(size_t task, double gradient) {
  double &m = first_moments_[task], &v = second_moments_[task];
  steps_[task] += 1;
  m = kBeta1 * m + (1 - kBeta1) * gradient;
  v = kBeta2 * v + (1 - kBeta2) * gradient * gradient;
  const double mean = m / (1 - std::pow(kBeta1, steps_[task])), square = v / (1 - std::pow(kBeta2, steps_[task]));
  logits_[task] -= options_.lr * mean / (std::sqrt(square) + kAdamEpsilon);
}

NamedTensors Famo::state() const {
  return {{"logits", state_tensor(logits_)},
          {"first_moments", state_tensor(first_moments_)},
          {"second_moments", state_tensor(second_moments_)},
          {"steps", state_tensor(steps_)}};
}

void Famo::load_state(const NamedTensors& state) {
  const size_t tasks = names_.size();
  logits_ = state_values("famo", state, "logits", tasks);
  first_moments_ = state_values("famo", state, "first_moments", tasks);
  second_moments_ = state_values("famo", state, "second_moments", tasks);
  steps_ = state_values("famo", state, "steps", tasks);
  logs_before_.clear();
}

void register_famo(BalancerRegistry& registry) {
  add_loss_weighting<FamoOptions>(registry, "famo", "All losses are to fall at the same rate (FAMO)",
                                  "Liu et al., FAMO: Fast Adaptive Multitask Optimization, NeurIPS 2023, alg. 1",
                                  [](const FamoOptions& options) { return std::make_unique<Famo>(options); });
}

}  // namespace polytask
