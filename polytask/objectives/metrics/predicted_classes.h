#pragma once
#include <ATen/core/Tensor.h>

namespace polytask {

/// The most probable class (of equal ones the first) by logits or probabilities, [n, C] → long [n], [B, C, H, W] → long
/// [B, H, W]; −1, which is right for no target, where the model gave no answer: a NaN, or an infinite best.
inline at::Tensor predicted_classes(const at::Tensor& scores) {
  const at::Tensor best = scores.argmax(1, /*keepdim=*/true);
  return best.masked_fill(scores.gather(1, best).isfinite().logical_not(), -1).squeeze(1);
}

}  // namespace polytask
