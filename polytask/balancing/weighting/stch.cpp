#include <polytask/balancing/weighting/per_task.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/stch.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace polytask {

void StchOptions::fields(Fields& f) {
  f.field("convention", convention, "whose form: paper and libmtl have nadir, torchjd plain",
          one_of({"paper", "libmtl", "torchjd"}));
  f.field("form", form,
          "nadir: logarithms of the losses over their means in the epoch `warmup`; plain: losses times `weights`; "
          "default: the convention's, nadir",
          one_of({"nadir", "plain"}));
  f.field("mu", mu, "smoothing: the lower, the closer to minimising the worst task alone", above(0));
  f.field("warmup", warmup,
          "epochs of minimising the sum of log L before the one that gives the nadir; form nadir only; default: 4",
          at_least(0));
  f.field("epsilon", epsilon, "added within logarithms; form nadir only; default: 1e-20", at_least(0));
  f.field("weights", weights,
          "what each loss is multiplied by, one number or one for each task; form plain only; default: 1/(tasks "
          "present)",
          at_least(0));
  f.field("reference", reference,
          "what is subtracted from each loss, one number or one for each task; form plain only; default: 0");
}

Stch::Stch(const StchOptions& options)
    : options_(options),
      plain_(options.form.value_or(options.convention == "torchjd" ? "plain" : "nadir") == "plain"),
      warmup_(options.warmup.value_or(4)),
      epsilon_(options.epsilon.value_or(1e-20)) {
  const auto refuse = [&](const char* option, bool given, const char* only) {
    if (given) throw InputError("balancing.{}: it means something in the form {} only", option, only);
  };
  refuse("warmup", plain_ && options.warmup.has_value(), "nadir");
  refuse("epsilon", plain_ && options.epsilon.has_value(), "nadir");
  refuse("weights", !plain_ && !options.weights.empty(), "plain");
  refuse("reference", !plain_ && !options.reference.empty(), "plain");
}

void Stch::setup(const std::vector<TaskInfo>& tasks) {
  names_ = task_names(tasks);
  if (!options_.weights.empty()) weights_ = per_task("weights", options_.weights, names_);
  if (!weights_.empty() && *std::max_element(weights_.begin(), weights_.end()) == 0)
    throw InputError("balancing.weights: every weight is 0, so nothing would be trained: one must be above 0");
  reference_.assign(tasks.size(), 0);
  if (!options_.reference.empty()) reference_ = per_task("reference", options_.reference, names_);
  sums_.assign(tasks.size(), 0);
  counts_.assign(tasks.size(), 0);
}

Weights Stch::weigh(const LossState& state, bool train) {
  check_setup("stch", names_.size(), state);
  if (present_tasks(state).empty()) return no_weights(state);
  if (plain_) return weigh_plain(state);
  if (train) record(state);
  return state.epoch <= warmup_ ? weigh_logarithms(state) : weigh_by_nadir(state);
}

// The losses of epoch W; later only a task's first.
void Stch::record(const LossState& state) {
  if (state.epoch < warmup_) return;
  for (size_t t : present_tasks(state)) {
    if (state.epoch > warmup_ && counts_[t] > 0) continue;
    sums_[t] += state.losses[t];
    counts_[t] += 1;
  }
}

double Stch::nadir(size_t task) const { return counts_[task] > 0 ? sums_[task] / counts_[task] : 0; }

Weights Stch::weigh_plain(const LossState& state) const {
  Weights result = no_weights(state);
  const auto tasks = present_tasks(state);
  std::vector<double> factors, exponents;
  for (size_t t : tasks) {
    factors.push_back(weights_.empty() ? 1 / static_cast<double>(tasks.size()) : weights_[t]);
    exponents.push_back(factors.back() * (state.losses[t] - reference_[t]) / options_.mu);
  }
  const auto shares = softmax(exponents);
  for (size_t i = 0; i < tasks.size(); ++i) result.w[tasks[i]] = factors[i] * shares[i];
  result.objective = options_.mu * log_sum_exp(exponents);
  return result;
}

Weights Stch::weigh_logarithms(const LossState& state) const {
  Weights result = no_weights(state);
  for (size_t t : present_tasks(state)) {
    result.objective += log_loss("stch", names_, state, t, epsilon_);
    result.w[t] = 1 / (state.losses[t] + epsilon_);
  }
  return result;
}

Weights Stch::weigh_by_nadir(const LossState& state) const {
  Weights result = no_weights(state);
  const auto tasks = present_tasks(state);
  const double count = static_cast<double>(tasks.size());
  std::vector<double> slopes, exponents;  // of ℓ in L; ℓ/μ
  for (size_t t : tasks) {
    const double lowest = counts_[t] > 0 ? nadir(t) : state.losses[t];
    const double argument = state.losses[t] / lowest + epsilon_;
    if (!(lowest > 0) || !(argument > 0))
      throw WorkError(
          "stch: the loss of {} is {} in step {} with a nadir of {}, and the logarithm of their ratio needs both above "
          "0: choose a loss that stays positive, or `form: plain`",
          task_text(names_, t), state.losses[t], state.step, lowest);
    slopes.push_back(1 / (state.losses[t] + epsilon_ * lowest));
    exponents.push_back(std::log(argument) / options_.mu);
  }
  const auto shares = softmax(exponents);
  for (size_t i = 0; i < tasks.size(); ++i) result.w[tasks[i]] = count * shares[i] * slopes[i];
  result.objective = count * options_.mu * log_sum_exp(exponents);
  for (size_t t = 0; t < names_.size(); ++t) result.shown["nadir"].push_back(nadir(t));
  return result;
}

NamedTensors Stch::state() const {
  if (plain_) return {};
  return {{"loss_sums", state_tensor(sums_)}, {"loss_counts", state_tensor(counts_)}};
}

void Stch::load_state(const NamedTensors& state) {
  if (plain_) return;
  sums_ = state_values("stch", state, "loss_sums", names_.size());
  counts_ = state_values("stch", state, "loss_counts", names_.size());
}

void register_stch(BalancerRegistry& registry) {
  add_loss_weighting<StchOptions>(registry, "stch", "The worst of the scaled losses is minimised, smoothly (STCH)",
                                  "Lin et al., Smooth Tchebycheff Scalarization, ICML 2024, eq. 7",
                                  [](const StchOptions& options) { return std::make_unique<Stch>(options); });
}

}  // namespace polytask
