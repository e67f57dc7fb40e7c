#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace polytask {

/// Every target's weighted sum of all sources: y_t = Σ_j weights[t, j] · sources[j], with sources of one shape
/// [B, C, …]. `weights`: [T, J], or [T, J, C] for a weight per channel.
std::vector<at::Tensor> mix(const at::Tensor& weights, const std::vector<at::Tensor>& sources);

/// A weighted sum per sample: y[b] = Σ_e weights[b, e] · sources[e][b], with sources of one shape [B, …] and
/// `weights` [B, E].
at::Tensor mix_samples(const at::Tensor& weights, const std::vector<at::Tensor>& sources);

}  // namespace polytask
