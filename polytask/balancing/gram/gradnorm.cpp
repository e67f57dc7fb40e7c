#include <polytask/balancing/gradnorm_second_order.h>
#include <polytask/balancing/gram/gradnorm.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/balancing/learnable.h>
#include <polytask/core/error.h>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

namespace polytask {
namespace {

const double kLeastWeight = 1e-8;
const char* const kLibMtl = "libmtl";
const char* const kSamsung = "samsung";
const char* const kLucidrains = "lucidrains";

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }
double mean(const std::vector<double>& values) { return sum(values) / static_cast<double>(values.size()); }
double sign(double value) { return value > 0 ? 1.0 : value < 0 ? -1.0 : 0.0; }

/// The options as a section: the scope's default is the convention's.
struct GradNormSection : WithGramOptions<GradNormOptions> {
  GradNormSection() { gram.gradients.scope.clear(); }
};

std::unique_ptr<Balancer> make_gradnorm(const GradNormSection& section) {
  GramOptions gram = section.gram;
  if (gram.gradients.scope.empty()) gram.gradients.scope = GradNorm::default_scope(section.method.convention);
  auto weighting = std::make_unique<GradNorm>(section.method);
  if (section.method.convention == kLucidrains)
    return std::make_unique<GradNormSecondOrder>(std::move(weighting), gram);
  return std::make_unique<GramBalancer>(std::move(weighting), gram);
}

}  // namespace

void GradNormOptions::fields(Fields& f) {
  f.field("convention", convention,
          "whose weights, heads, initial losses, defaults of alpha and of scope (last_shared_layer; libmtl: shared)",
          one_of({"paper", "libmtl", "brianlan", kSamsung, kLucidrains}));
  f.field("alpha", alpha,
          "exponent of the relative training rate: 0 makes the gradient norms equal, more lets slow tasks have longer "
          "ones; default: the convention's, 1.5",
          at_least(0));
  f.field(
      "initial", initial,
      "the initial loss that training rates are measured by: first: the task's first; epoch: the mean of epoch 0, in "
      "which every weight is 1; default: the convention's, first",
      one_of({"first", "epoch"}));
}

GradNorm::GradNorm(const GradNormOptions& options)
    : convention_(options.convention),
      alpha_(options.alpha.value_or(options.convention == kSamsung      ? 2.0
                                    : options.convention == kLucidrains ? 0.0
                                                                        : 1.5)),
      by_epoch_(options.initial.value_or(options.convention == kLibMtl ? "epoch" : "first") == "epoch") {}

std::vector<std::string> GradNorm::default_scope(const std::string& convention) {
  return {convention == kLibMtl ? "shared" : "last_shared_layer"};
}

void GradNorm::setup(const std::vector<TaskInfo>& tasks) {
  names_.clear();
  learnables_.clear();
  for (const TaskInfo& task : tasks) {
    names_.push_back(task.name);
    learnables_.push_back(learnable_scalar(1));
  }
  initial_losses_.assign(tasks.size(), std::numeric_limits<double>::quiet_NaN());
  stepped_.assign(tasks.size(), 0);
}

Needs GradNorm::needs() const {
  Needs needs;
  needs.loss_history = by_epoch_;
  return needs;
}

HeadGradient GradNorm::heads() const { return convention_ == kLibMtl ? HeadGradient::own : HeadGradient::weighted; }

NamedTensors GradNorm::parameters() {
  NamedTensors named;
  for (size_t t = 0; t < names_.size(); ++t)
    named[(convention_ == kLibMtl ? "log_weight." : "weight.") + names_[t]] = learnables_[t];
  return named;
}

std::vector<double> GradNorm::applied(const std::vector<int64_t>& tasks) const {
  std::vector<double> w;
  w.reserve(tasks.size());
  for (int64_t task : tasks) w.push_back(value(task));
  if (convention_ != kLibMtl) return w;
  const double highest = *std::max_element(w.begin(), w.end());
  for (double& one : w) one = std::exp(one - highest);
  const double total = sum(w);
  for (double& one : w) one *= static_cast<double>(w.size()) / total;
  return w;
}

double GradNorm::initial_loss(int64_t task, double loss, const LossState& state) {
  const auto index = static_cast<size_t>(task);
  if (by_epoch_ && !state.epoch_losses.empty()) {
    const double first = state.epoch_losses.front().at(index);
    if (std::isfinite(first)) return first;
  }
  if (std::isnan(initial_losses_[index])) initial_losses_[index] = loss;
  return initial_losses_[index];
}

std::vector<double> GradNorm::rates(const GramState& gram, const LossState& state) {
  std::vector<double> rates;
  for (size_t row = 0; row < gram.tasks.size(); ++row) {
    const double ratio = gram.losses[row] / initial_loss(gram.tasks[row], gram.losses[row], state);
    rates.push_back(std::isfinite(ratio) && ratio > 0 ? ratio : 1.0);
  }
  const double average = mean(rates);
  for (double& rate : rates) rate /= average;
  return rates;
}

GramWeights GradNorm::weigh(const GramState& gram, const LossState& state) {
  std::fill(stepped_.begin(), stepped_.end(), 0);  // a step may have been skipped since
  if (static_cast<size_t>(gram.task_count) != learnables_.size())
    throw WorkError("gradnorm: rows of {} tasks, but setup() was given {}", gram.task_count, learnables_.size());
  GramWeights weights;
  if (by_epoch_ && state.epoch == 0) {
    weights.w.assign(gram.tasks.size(), 1.0);
    slopes_.assign(gram.tasks.size(), 0.0);
    return weights;
  }
  weights.w = applied(gram.tasks);
  for (size_t row = 0; row < weights.w.size(); ++row)
    if (!std::isfinite(weights.w[row]))
      throw WorkError(
          "gradnorm: the weight of task \"{}\" is {} in step {}: lower the learning rate of the balancing group",
          names_[static_cast<size_t>(gram.tasks[row])], number_text(weights.w[row]), state.step);
  learn(gram, state, weights);
  if (convention_ == kSamsung)
    for (double w : weights.w) weights.heads.push_back(1 + w);
  return weights;
}

void GradNorm::learn(const GramState& gram, const LossState& state, GramWeights& weights) {
  const auto rate = rates(gram, state);
  const size_t rows = rate.size();
  std::vector<double> norms, target, by_weight;
  const double factor = convention_ == kSamsung ? static_cast<double>(rows) / sum(weights.w) : 1.0;
  for (size_t row = 0; row < rows; ++row) {
    const auto i = static_cast<int64_t>(row);
    norms.push_back(std::abs(weights.w[row]) * factor * std::sqrt(std::max(0.0, gram.gram(i, i))));
  }
  const double average = mean(norms);
  slopes_.clear();
  for (size_t row = 0; row < rows; ++row) {
    const auto i = static_cast<int64_t>(row);
    target.push_back(average * std::pow(rate[row], convention_ == kLucidrains ? -alpha_ : alpha_));
    double slope = sign(norms[row] - target[row]);  // of the loss by G_t = |w_t| n_t
    if (convention_ == kLucidrains) slope /= static_cast<double>(rows);
    slopes_.push_back(slope * std::abs(weights.w[row]));
    by_weight.push_back(slope * sign(weights.w[row]) * std::sqrt(std::max(0.0, gram.gram(i, i))));
  }
  add_gradients(gram, weights.w, by_weight, state.share);
  weights.shown = {{"norm", norms}, {"target", target}, {"rate", rate}};
}

// The chain from the weights that the norms are taken at to what is learned.
void GradNorm::add_gradients(const GramState& gram, const std::vector<double>& w, const std::vector<double>& by_weight,
                             double share) {
  const double rows = static_cast<double>(w.size()), total = sum(w);
  const double along = std::inner_product(w.begin(), w.end(), by_weight.begin(), 0.0);
  for (size_t row = 0; row < w.size(); ++row) {
    double slope = by_weight[row];
    if (convention_ == kLibMtl) slope = w[row] * (slope - along / rows);
    if (convention_ == kSamsung) slope = rows / total * (slope - along / total);
    add_to_gradient(learnables_[static_cast<size_t>(gram.tasks[row])], share * slope);
    stepped_[static_cast<size_t>(gram.tasks[row])] = 1;
  }
}

void GradNorm::after_step(const LossState&) {
  if (convention_ == kLibMtl) return;
  const bool absolute = convention_ == kLucidrains;
  const at::NoGradGuard no_grad;
  double others = 0, total = 0;
  for (size_t t = 0; t < learnables_.size(); ++t) {
    const double w = value(static_cast<int64_t>(t));
    if (stepped_[t] && !absolute && w < kLeastWeight) learnables_[t].fill_(kLeastWeight);
    const double size = absolute ? std::abs(w) : std::max(w, kLeastWeight);
    (stepped_[t] ? total : others) += size;
  }
  const double wanted = static_cast<double>(learnables_.size()) - others;
  for (size_t t = 0; t < learnables_.size(); ++t) {
    if (stepped_[t] && convention_ != kSamsung && wanted > 0 && total > 0)
      learnables_[t].fill_(value(static_cast<int64_t>(t)) * (wanted / total));
    stepped_[t] = 0;
  }
}

NamedTensors GradNorm::state() const {
  at::Tensor losses = at::empty({static_cast<int64_t>(initial_losses_.size())}, at::kDouble);
  std::copy(initial_losses_.begin(), initial_losses_.end(), losses.data_ptr<double>());
  return {{"initial_losses", losses}};
}

void GradNorm::load_state(const NamedTensors& state) {
  const at::Tensor losses = state.at("initial_losses").to(at::kCPU, at::kDouble).contiguous();
  if (losses.numel() != static_cast<int64_t>(initial_losses_.size()))
    throw InputError("gradnorm: {} saved losses for {} tasks", losses.numel(), initial_losses_.size());
  std::copy_n(losses.data_ptr<double>(), initial_losses_.size(), initial_losses_.begin());
}

void register_gradnorm(BalancerRegistry& registry) {
  registry.add<GradNormSection>("gradnorm", "Weights learned so that the tasks train at one rate (GradNorm)",
                                "Chen, Badrinarayanan, Lee, Rabinovich, ICML 2018", make_gradnorm);
}

}  // namespace polytask
