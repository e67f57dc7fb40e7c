#include <polytask/balancing/gram/crmogm.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/core/error.h>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace polytask {
namespace {

const char* const kInner = "inner.";

}  // namespace

void CrmogmOptions::fields(Fields& f) {
  f.field("alpha", alpha, "share of the previous weights", between(0, 1));
  f.field("inner", inner, "the balancing section of the method whose weights are smoothed: {method: …}", required());
  if (inner.find("method") != nullptr) inner = balancers().resolve(inner);
}

void SmoothedWeights::setup(size_t tasks) { weights_.assign(tasks, std::numeric_limits<double>::quiet_NaN()); }

double SmoothedWeights::next(int64_t task, double weight) const {
  const double old = weights_.at(static_cast<size_t>(task));
  return std::isnan(old) ? weight : alpha_ * old + (1 - alpha_) * weight;
}

void SmoothedWeights::keep(int64_t task, double weight) { weights_.at(static_cast<size_t>(task)) = weight; }

NamedTensors SmoothedWeights::state(const NamedTensors& inner) const {
  at::Tensor weights = at::empty({static_cast<int64_t>(weights_.size())}, at::kDouble);
  std::copy(weights_.begin(), weights_.end(), weights.data_ptr<double>());
  NamedTensors named = {{"weights", weights}};
  for (const auto& [name, tensor] : inner) named[kInner + name] = tensor;
  return named;
}

NamedTensors SmoothedWeights::load_state(const NamedTensors& state) {
  const at::Tensor weights = state.at("weights").to(at::kCPU, at::kDouble).contiguous();
  if (weights.numel() != static_cast<int64_t>(weights_.size()))
    throw InputError("crmogm: {} saved weights for {} tasks", weights.numel(), weights_.size());
  std::copy_n(weights.data_ptr<double>(), weights_.size(), weights_.begin());
  NamedTensors inner;
  const std::string prefix = kInner;
  for (const auto& [name, tensor] : state)
    if (name.rfind(prefix, 0) == 0) inner[name.substr(prefix.size())] = tensor;
  return inner;
}

void CrmogmLossWeighting::setup(const std::vector<TaskInfo>& tasks) {
  inner_->setup(tasks);
  smooth_.setup(tasks.size());
}

Weights CrmogmLossWeighting::weigh(const LossState& state, bool train) {
  Weights weights = inner_->weigh(state, train);
  weights.objective = 0;
  for (size_t t = 0; t < weights.w.size(); ++t) {
    if (!state.present[t]) continue;
    weights.w[t] = smooth_.next(static_cast<int64_t>(t), weights.w[t]);
    weights.objective += weights.w[t] * state.losses[t];
    if (train) smooth_.keep(static_cast<int64_t>(t), weights.w[t]);
  }
  return weights;
}

void CrmogmGramWeighting::setup(const std::vector<TaskInfo>& tasks) {
  inner_->setup(tasks);
  smooth_.setup(tasks.size());
}

GramWeights CrmogmGramWeighting::weigh(const GramState& gram, const LossState& state) {
  GramWeights weights = inner_->weigh(gram, state);
  for (size_t row = 0; row < weights.w.size(); ++row) {
    weights.w[row] = smooth_.next(gram.tasks[row], weights.w[row]);
    smooth_.keep(gram.tasks[row], weights.w[row]);
  }
  return weights;
}

namespace {

std::unique_ptr<Balancer> smoothed(const CrmogmOptions& options) {
  const std::string where = options.inner.where();
  if (!options.inner.is_map()) throw InputError("{}: expected a balancing section, such as {{method: upgrad}}", where);
  auto balancer = balancers().create(options.inner);
  const std::string method = options.inner.text_or("method", "");
  if (auto* joint = dynamic_cast<JointBalancer*>(balancer.get())) {
    joint->wrap([&](std::unique_ptr<LossWeighting> inner) -> std::unique_ptr<LossWeighting> {
      return std::make_unique<CrmogmLossWeighting>(std::move(inner), options.alpha);
    });
    return balancer;
  }
  auto* gram = dynamic_cast<GramBalancer*>(balancer.get());
  if (gram == nullptr || balancer->method().needs().blocks != BlockSize::whole)
    throw InputError(
        "{}: crmogm smooths one weight for each task, and {} as configured here does not make its step "
        "from such weights: choose a method that weighs losses, or weighs whole gradients",
        where, method);
  gram->wrap([&](std::unique_ptr<GramWeighting> inner) -> std::unique_ptr<GramWeighting> {
    return std::make_unique<CrmogmGramWeighting>(std::move(inner), options.alpha);
  });
  return balancer;
}

}  // namespace

void register_crmogm(BalancerRegistry& registry) {
  registry.add<CrmogmOptions>("crmogm", "A moving average of the weights of the method given as inner (CR-MOGM)",
                              "Zhou et al., On the Convergence of Stochastic Multi-Objective Gradient Manipulation and "
                              "Beyond, NeurIPS 2022",
                              smoothed);
}

}  // namespace polytask
