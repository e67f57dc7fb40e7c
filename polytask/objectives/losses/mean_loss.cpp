#include <polytask/objectives/losses/mean_loss.h>

#include <ATen/TensorOperators.h>

#include <limits>
#include <vector>

namespace polytask {
namespace {

// The mask over the outputs that belong to each target: [B] → [B, 1], [B, K] → [B, K·n].
at::Tensor over_outputs(const at::Tensor& mask, int64_t outputs_per_target) {
  if (mask.dim() == 1) return mask.unsqueeze(1);
  return outputs_per_target == 1 ? mask : mask.repeat({1, outputs_per_target});
}

at::Tensor weighted_mean(const Loss& loss, const at::Tensor& losses, const at::Tensor& weights) {
  if (loss.leaves_out_samples() && !weights.any().item<bool>()) return {};
  const at::Tensor w = weights.to(losses.options());
  return (losses * w).sum() / w.sum().clamp_min(std::numeric_limits<float>::min());
}

}  // namespace

at::Tensor at_least_float32(const at::Tensor& values) {
  const bool half = values.scalar_type() == at::kHalf || values.scalar_type() == at::kBFloat16;
  return half ? values.to(at::kFloat) : values;
}

at::Tensor mean_loss(const Loss& loss, const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) {
  const at::Tensor wide = at_least_float32(output);
  if (!valid.defined()) {
    const at::Tensor losses = loss.forward(wide, target);
    const at::Tensor weights = loss.sample_weights(target);
    return weights.defined() ? weighted_mean(loss, losses, weights) : losses.mean();
  }
  // Filling before the loss, not after: 0 · ∞ in the backward pass would be NaN.
  const at::Tensor invalid = valid.logical_not();
  const at::Tensor known = target.masked_fill(invalid, 0);
  const at::Tensor seen = wide.masked_fill(over_outputs(invalid, loss.outputs_per_target()), 0);
  const at::Tensor losses = loss.forward(seen, known).masked_fill(invalid, 0);
  const at::Tensor weights = loss.sample_weights(known);
  return weighted_mean(loss, losses, weights.defined() ? weights.masked_fill(invalid, 0) : valid);
}

}  // namespace polytask
