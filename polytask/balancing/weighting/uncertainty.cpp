#include <polytask/balancing/learnable.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/balancing/weighting/uncertainty.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

namespace polytask {
namespace {

const char* const kSoftplus = "softplus_reg";

struct Convention {
  const char* form;
  const char* task_types;
  double initial_log_var;
};

const std::map<std::string, Convention>& conventions() {
  static const std::map<std::string, Convention> table = {
      {"paper", {"kendall", "ignore", 0.0}},
      {"libmtl", {"kendall", "ignore", -0.5}},
      {"mtan", {"kendall", "ignore", -0.5}},
      {"torchjd", {"kendall", "ignore", 0.0}},
      {"nash", {"kendall", "ignore", 0.0}},
      {"auto_lambda", {"kendall", "ignore", -0.7}},
      {"samsung", {"kendall", "classification", 0.0}},
      {"automatic_weighted_loss", {kSoftplus, "ignore", 0.0}},
  };
  return table;
}

}  // namespace

void UncertaintyOptions::fields(Fields& f) {
  std::vector<std::string> names;
  for (const auto& [name, defaults] : conventions()) names.push_back(name);
  f.field("convention", convention, "whose defaults for form, task_types and initial_log_vars", one_of(names));
  f.field("form", form,
          "kendall: ½ e^{-s} L + ½ s; simple: e^{-s} L + s; softplus_reg: ½ L/p² + log(1 + p²); default: the "
          "convention's, kendall",
          one_of({"kendall", "simple", kSoftplus}));
  f.field(
      "task_types", task_types,
      "which tasks have e^{-s} L in place of ½ e^{-s} L in the form kendall: ignore: none; auto: those whose type is "
      "classification, binary or multilabel; classification: all; default: the convention's, ignore",
      one_of({"ignore", "auto", "classification"}));
  f.field("initial_log_vars", initial_log_vars,
          "log variances at the start, one number or one per task (softplus_reg starts at p = exp(s/2)); default: the "
          "convention's, 0");
  f.field("loss_scales", loss_scales, "loss scale of the tasks named, by which L is divided; default: the task's own",
          above(0));
  f.field("clamp", clamp, "[lowest, highest] log variance, kept after every step; default: unbounded");
}

Uncertainty::Uncertainty(const UncertaintyOptions& options)
    : initial_log_vars_(options.initial_log_vars), loss_scales_(options.loss_scales), clamp_(options.clamp) {
  const auto known = conventions().find(options.convention);
  if (known == conventions().end())
    throw InputError("balancing.convention: uncertainty has no convention \"{}\"", options.convention);
  form_ = options.form.value_or(known->second.form);
  task_types_ = options.task_types.value_or(known->second.task_types);
  if (form_ != "kendall" && options.task_types && task_types_ != "ignore")
    throw InputError("balancing.task_types: \"{}\" means something in the form kendall only, not in {}", task_types_,
                     form_);
  if (initial_log_vars_.empty()) initial_log_vars_ = {known->second.initial_log_var};
  if (!clamp_.empty() && (clamp_.size() != 2 || !(clamp_[0] < clamp_[1])))
    throw InputError("balancing.clamp: [{}] is no interval: give the lowest and the highest log variance",
                     fmt::join(clamp_, ", "));
}

void Uncertainty::setup(const std::vector<TaskInfo>& tasks) {
  const auto names = task_names(tasks);
  if (initial_log_vars_.size() != 1 && initial_log_vars_.size() != tasks.size())
    throw InputError("balancing.initial_log_vars: {} values for {} tasks ({}): give one number, or one for each task",
                     initial_log_vars_.size(), tasks.size(), fmt::join(names, ", "));
  for (const auto& [name, scale] : loss_scales_)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw InputError("balancing.loss_scales: there is no task \"{}\"{}", name, did_you_mean(name, names));
  tasks_.clear();
  for (size_t t = 0; t < tasks.size(); ++t)
    tasks_.push_back(make_task(tasks[t], initial_log_vars_[initial_log_vars_.size() == 1 ? 0 : t]));
}

Uncertainty::Task Uncertainty::make_task(const TaskInfo& info, double initial_log_var) const {
  check_clamp(info.name, initial_log_var);
  const double initial = form_ == kSoftplus ? std::exp(initial_log_var / 2) : initial_log_var;
  return {info.name, loss_scale_of(info), loss_factor_of(info.type), learnable_scalar(initial)};
}

void Uncertainty::check_clamp(const std::string& name, double initial_log_var) const {
  if (!std::isfinite(initial_log_var))
    throw InputError("balancing.initial_log_vars: {} (task \"{}\") is not finite", number_text(initial_log_var), name);
  if (!clamp_.empty() && (initial_log_var < clamp_[0] || initial_log_var > clamp_[1]))
    throw InputError("balancing.initial_log_vars: {} (task \"{}\") lies outside the clamp [{}, {}]", initial_log_var,
                     name, clamp_[0], clamp_[1]);
}

double Uncertainty::loss_scale_of(const TaskInfo& info) const {
  const auto given = loss_scales_.find(info.name);
  const double scale = given != loss_scales_.end() ? given->second : info.loss_scale;
  if (!std::isfinite(scale) || scale <= 0)
    throw InputError("uncertainty: the loss scale of task \"{}\" is {}: it must be finite and above 0", info.name,
                     number_text(scale));
  return scale;
}

double Uncertainty::loss_factor_of(const std::string& task_type) const {
  static const std::set<std::string> kClassification = {"classification", "binary", "multilabel"};
  if (form_ == "simple") return 1.0;
  if (form_ == "kendall" && task_types_ == "classification") return 1.0;
  if (form_ == "kendall" && task_types_ == "auto" && kClassification.count(task_type) != 0) return 1.0;
  return 0.5;
}

NamedTensors Uncertainty::parameters() {
  NamedTensors named;
  for (const Task& task : tasks_) named[(form_ == kSoftplus ? "sigma." : "log_var.") + task.name] = task.scale;
  return named;
}

void Uncertainty::after_step(const LossState&) {
  if (clamp_.empty()) return;
  const at::NoGradGuard no_grad;
  for (Task& task : tasks_) {
    const double value = task.scale.item<double>();
    if (form_ != kSoftplus) {
      task.scale.fill_(std::clamp(value, clamp_[0], clamp_[1]));
      continue;
    }
    const double size = std::clamp(std::abs(value), std::exp(clamp_[0] / 2), std::exp(clamp_[1] / 2));
    task.scale.fill_(std::copysign(size, value));
  }
}

double Uncertainty::log_var(const Task& task) const {
  const double value = task.scale.item<double>();
  return form_ == kSoftplus ? std::log(value * value) : value;
}

Uncertainty::Term Uncertainty::term(const Task& task, double loss) const {
  const double scaled = loss / task.loss_scale;
  const double value = task.scale.item<double>();
  if (form_ == kSoftplus) {
    const double square = value * value;
    return {task.loss_factor / square / task.loss_scale, task.loss_factor * scaled / square + std::log1p(square),
            -2 * task.loss_factor * scaled / (square * value) + 2 * value / (1 + square)};
  }
  const double regulariser = form_ == "simple" ? 1.0 : 0.5;
  const double precision = task.loss_factor * std::exp(-value);
  return {precision / task.loss_scale, precision * scaled + regulariser * value, regulariser - precision * scaled};
}

Weights Uncertainty::weigh(const LossState& state, bool train) {
  check_setup("uncertainty", tasks_.size(), state);
  Weights weights = no_weights(state);
  for (size_t t : present_tasks(state)) {
    const Task& task = tasks_[t];
    const Term one = term(task, state.losses[t]);
    if (!std::isfinite(one.weight))
      throw WorkError(
          "uncertainty: the weight of task \"{}\" is {} in step {} (log variance {}): bound the log variances with "
          "`clamp: [lowest, highest]`, or lower the learning rate of the balancing group",
          task.name, number_text(one.weight), state.step, number_text(log_var(task)));
    weights.w[t] = one.weight;
    weights.objective += one.value;
    if (train) add_to_gradient(task.scale, state.share * one.slope);
  }
  for (const Task& task : tasks_) {
    weights.shown["log_var"].push_back(log_var(task));
    weights.shown["sigma2"].push_back(std::exp(weights.shown["log_var"].back()));
  }
  return weights;
}

void register_uncertainty(BalancerRegistry& registry) {
  add_loss_weighting<UncertaintyOptions>(
      registry, "uncertainty", "Weights from learned task variances (UW)",
      "Kendall, Gal, Cipolla, CVPR 2018; softplus_reg: Liebel, Körner 2018",
      [](const UncertaintyOptions& options) { return std::make_unique<Uncertainty>(options); });
}

}  // namespace polytask
