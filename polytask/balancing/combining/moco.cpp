#include <polytask/balancing/combining/moco.h>
#include <polytask/balancing/combining/register.h>
#include <polytask/balancing/combining/rows.h>
#include <polytask/balancing/gradients/row_kernels.h>
#include <polytask/balancing/weighting/per_task.h>

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace polytask {
namespace {

constexpr double kEpsilon = 1e-8;

}  // namespace

void MocoOptions::fields(Fields& f) {
  f.field("convention", convention, "whose defaults for normalize and projection", one_of({"paper", "libmtl"}));
  f.field("normalize", normalize,
          "none: gradients as they are; loss: scaled to the length of their loss; default: the convention's, none",
          one_of({"none", "loss"}));
  f.field("projection", projection, "how λ is brought back to the simplex; default: the convention's, simplex",
          one_of({"simplex", "softmax"}));
  f.field("beta", beta, "rate of the moving average of the gradients at step 1", between(0, 1));
  f.field("beta_sigma", beta_sigma, "exponent with which that rate falls: beta / step^beta_sigma", at_least(0));
  f.field("gamma", gamma, "step size of λ at step 1", at_least(0));
  f.field("gamma_sigma", gamma_sigma, "exponent with which it falls", at_least(0));
  f.field("rho", rho, "added to the diagonal of Y Yᵀ", at_least(0));
}

Moco::Moco(const MocoOptions& options) : options_(options) {
  const bool libmtl = options.convention == "libmtl";
  normalize_ = options.normalize.value_or(libmtl ? "loss" : "none") == "loss";
  softmax_ = options.projection.value_or(libmtl ? "softmax" : "simplex") == "softmax";
}

void Moco::setup(const std::vector<TaskInfo>& tasks) { lambda_.reset(static_cast<int64_t>(tasks.size())); }

// Moves y towards the gradients; returns the factor of each gradient in its row of y.
std::vector<double> Moco::track(const GradientRows& rows, double rate) {
  const auto y = state_rows(y_, rows.tasks), grads = each_row(rows.grads());
  std::vector<double> factors;
  for (size_t i = 0; i < y.size(); ++i) {
    const double scale = normalize_ ? rows.losses[i] / (row_norm(grads[i]) + kEpsilon) : 1;
    factors.push_back(rate * scale);
    y[i].mul_(1 - rate).add_(grads[i], factors.back());
  }
  return factors;
}

void Moco::move_lambda(const GradientRows& rows, double rate) {
  auto lambda = lambda_.of(rows.tasks);
  const auto products = row_dots(y_, weighted_rows(state_rows(y_, rows.tasks), lambda));
  for (size_t i = 0; i < lambda.size(); ++i) {
    const double slope = products[static_cast<size_t>(rows.tasks[i])] + options_.rho * lambda[i];
    lambda[i] -= rate * slope;
  }
  lambda_.set(rows.tasks, softmax_ ? softmax(lambda) : on_simplex(lambda));
}

GramWeights Moco::combine(const GradientRows& rows, const LossState&, at::Tensor& direction) {
  const at::NoGradGuard no_grad;
  check_rows("moco", rows, 1);
  prepare_state("moco", "y", rows, y_);
  lambda_.prepare(rows.task_count);
  const auto k = static_cast<double>(++step_);
  GramWeights result;
  result.w = track(rows, options_.beta * std::pow(k, -options_.beta_sigma));
  move_lambda(rows, options_.gamma * std::pow(k, -options_.gamma_sigma));
  const auto lambda = lambda_.of(rows.tasks);
  add_weighted_rows(state_rows(y_, rows.tasks), lambda, direction);
  for (size_t i = 0; i < lambda.size(); ++i) result.w[i] *= lambda[i];
  result.shown["lambda"] = lambda;
  return result;
}

NamedTensors Moco::state() const {
  NamedTensors state = {{"lambda", lambda_.tensor()}, {"step", to_tensor(step_)}};
  if (y_.defined()) state["y"] = y_.clone();
  return state;
}

void Moco::load_state(const NamedTensors& state) {
  lambda_.load("moco", saved(state, "moco", "lambda"));
  step_ = saved(state, "moco", "step").item<int64_t>();
  y_ = state.count("y") != 0 ? state.at("y").clone() : at::Tensor();
}

void register_moco(BalancerRegistry& registry) {
  add_combiner<MocoOptions>(registry, "moco", "Min-norm weights of gradients that a moving average tracks (MoCo)",
                            "Fernando et al., Mitigating Gradient Bias in Multi-objective Learning, ICLR 2023",
                            [](const MocoOptions& options) { return std::make_unique<Moco>(options); });
}

}  // namespace polytask
