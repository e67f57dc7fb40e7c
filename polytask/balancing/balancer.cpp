#include <polytask/balancing/balancer.h>
#include <polytask/core/error.h>

#include <ATen/ops/full_like.h>
#include <torch/csrc/autograd/autograd.h>

namespace polytask {

Weights JointBalancer::backward(const BackwardContext& context, const LossState& state) {
  if (context.losses.size() != state.losses.size())
    throw WorkError("balancing: {} loss tensors for {} losses", context.losses.size(), state.losses.size());
  if (state.present.size() != state.losses.size())
    throw WorkError("balancing: {} losses, but {} marks of which are present", state.losses.size(),
                    state.present.size());
  Weights weights = weighting_->weigh(state, true);
  if (weights.w.size() != state.losses.size())
    throw WorkError("balancing: the method gave {} weights for {} tasks", weights.w.size(), state.losses.size());
  std::vector<at::Tensor> roots, seeds;
  for (size_t t = 0; t < context.losses.size(); ++t) {
    if (!state.present[t]) continue;
    const at::Tensor& loss = context.losses[t];
    if (!loss.defined()) throw WorkError("balancing: task {} is marked present, but its loss is undefined", t);
    if (!loss.requires_grad()) continue;
    roots.push_back(loss);
    seeds.push_back(at::full_like(loss, state.share * weights.w[t]));
  }
  if (!roots.empty()) torch::autograd::backward(roots, seeds);
  return weights;
}

}  // namespace polytask
