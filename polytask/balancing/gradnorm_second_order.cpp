#include <polytask/balancing/gradients/scope.h>
#include <polytask/balancing/gradnorm_second_order.h>
#include <polytask/core/error.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

// The norm of a loss's gradient, with its graph; a constant 0 where the loss does not depend on the parameters.
at::Tensor gradient_norm(const at::Tensor& loss, const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& gradient : torch::autograd::grad({loss}, parameters, {}, true, true, true))
    if (gradient.defined()) flat.push_back(gradient.reshape({-1}));
  return flat.empty() ? at::zeros({}, loss.options()) : at::cat(flat).norm();
}

}  // namespace

GradNormSecondOrder::GradNormSecondOrder(std::unique_ptr<GradNorm> weighting, const GramOptions& options)
    : weighting_(std::move(weighting)), scope_(options.gradients.scope) {
  if (options.gradients.heads.value_or("weighted") != "weighted")
    throw InputError("balancing.heads: gradnorm by the convention lucidrains makes one weighted pass: heads: weighted");
  if (options.every != 1)
    throw InputError("balancing.every: gradnorm by the convention lucidrains learns in every step: every: 1");
  if (options.gram == "outputs")
    throw InputError("balancing.gram: gradnorm by the convention lucidrains differentiates gradients: walk or auto");
  if (std::find(scope_.begin(), scope_.end(), "representation") != scope_.end())
    throw InputError(
        "balancing.scope: gradnorm by the convention lucidrains takes norms over weights: "
        "last_shared_layer, shared, or names of shared modules");
}

void GradNormSecondOrder::prepare(const ModelFacts& model) {
  require_shared_parameters(model);
  measured_.clear();
  for (const ScopeColumn& column : resolve_scope(scope_, model, BlockSize::whole).columns)
    if (column.parameter.dim() >= 2) measured_.push_back(column.parameter);
  if (measured_.empty())
    throw InputError("balancing.scope: no trained weight of two dimensions or more lies in [{}]",
                     fmt::join(scope_, ", "));
}

GramState GradNormSecondOrder::measure(const BackwardContext& context, const LossState& state,
                                       std::vector<at::Tensor>& norms) const {
  GramState gram;
  gram.task_count = state.tasks();
  for (size_t t = 0; t < state.losses.size(); ++t) {
    if (!state.present[t]) continue;
    if (!context.losses[t].defined())
      throw WorkError("balancing: task {} is marked present, but its loss is undefined", t);
    norms.push_back(gradient_norm(context.losses[t], measured_));
    gram.tasks.push_back(static_cast<int64_t>(t));
    gram.losses.push_back(state.losses[t]);
  }
  const auto rows = static_cast<int64_t>(norms.size());
  gram.gram.resize(rows, rows);
  for (int64_t i = 0; i < rows; ++i) {
    const double norm = norms[static_cast<size_t>(i)].item<double>();
    gram.gram(i, i) = norm * norm;
  }
  return gram;
}

Weights GradNormSecondOrder::backward(const BackwardContext& context, const LossState& state) {
  if (measured_.empty()) throw WorkError("gradnorm: backward() before prepare()");
  if (context.losses.size() != state.losses.size() || state.present.size() != state.losses.size())
    throw WorkError("balancing: {} loss tensors and {} marks of which are present for {} losses", context.losses.size(),
                    state.present.size(), state.losses.size());
  std::vector<at::Tensor> norms, roots, seeds;
  const GramState gram = measure(context, state, norms);
  Weights weights;
  weights.w.assign(state.losses.size(), 0.0);
  if (norms.empty()) return weights;
  const GramWeights made = weighting_->weigh(gram, state);
  const auto seed = [&](const at::Tensor& root, double slope) {
    if (!root.requires_grad()) return;
    roots.push_back(root);
    seeds.push_back(at::full_like(root, state.share * slope));
  };
  for (size_t row = 0; row < norms.size(); ++row) {
    const auto t = static_cast<size_t>(gram.tasks[row]);
    weights.w[t] = made.w[row];
    weights.objective += made.w[row] * state.losses[t];
    for (const auto& [name, values] : made.shown) {
      weights.shown[name].resize(state.losses.size(), 0.0);
      weights.shown[name][t] = values[row];
    }
    seed(context.losses[t], made.w[row]);
    seed(norms[row], weighting_->slopes()[row]);
  }
  if (!roots.empty()) torch::autograd::backward(roots, seeds);
  applied_ = weights.w;
  return weights;
}

Weights GradNormSecondOrder::evaluate(const LossState& state) {
  Weights weights;
  weights.w = applied_.empty() ? std::vector<double>(state.losses.size(), 1.0) : applied_;
  for (size_t t = 0; t < state.losses.size(); ++t)
    if (state.present[t]) weights.objective += state.losses[t];
  return weights;
}

}  // namespace polytask
