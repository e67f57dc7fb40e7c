#include <polytask/balancing/balancer.h>
#include <polytask/balancing/gradients/results.h>
#include <polytask/core/error.h>

#include <ATen/ops/full_like.h>
#include <torch/csrc/autograd/autograd.h>

namespace polytask {

void joint_backward(const BackwardContext& context, const LossState& state, const std::vector<double>& w) {
  std::vector<at::Tensor> roots, seeds;
  for (size_t t = 0; t < context.losses.size(); ++t) {
    if (!state.present[t]) continue;
    const at::Tensor& loss = context.losses[t];
    if (!loss.defined()) throw WorkError("balancing: task {} is marked present, but its loss is undefined", t);
    if (!loss.requires_grad()) continue;
    roots.push_back(loss);
    seeds.push_back(at::full_like(loss, state.share * w[t]));
  }
  for (const auto& [term, weight] : context.terms) {
    if (!term.defined() || !term.requires_grad()) continue;
    roots.push_back(term);
    seeds.push_back(at::full_like(term, state.share * weight));
  }
  if (!roots.empty()) torch::autograd::backward(roots, seeds);
}

Weights JointBalancer::backward(const BackwardContext& context, const LossState& state) {
  check_sizes(context, state);
  Weights weights = weighting_->weigh(state, true);
  if (weights.w.size() != state.losses.size())
    throw WorkError("balancing: the method gave {} weights for {} tasks", weights.w.size(), state.losses.size());
  joint_backward(context, state, weights.w);
  return weights;
}

}  // namespace polytask
