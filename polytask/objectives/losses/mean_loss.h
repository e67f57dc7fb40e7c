#pragma once
#include <polytask/objectives/loss.h>

#include <ATen/core/Tensor.h>

namespace polytask {

/// The mean of `loss` over valid entries, weighted by its sample_weights: Σ w l / Σ w, a scalar with graph; undefined
/// where the loss leaves out every valid entry, all their weights being 0. `valid`: bool of target's shape, with some
/// entry, or undefined. Invalid entries have no influence whatever they hold: value and gradient are those of a batch
/// without them, and their own gradient is exactly 0. Half precision outputs are reduced in float32. No transfer
/// between devices, and no wait for one but where the loss can leave samples out.
at::Tensor mean_loss(const Loss& loss, const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid);

/// Half and bfloat16 as float32, everything else as it is.
at::Tensor at_least_float32(const at::Tensor& values);

}  // namespace polytask
