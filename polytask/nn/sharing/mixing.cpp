#include <polytask/nn/sharing/mixing.h>

#include <ATen/ATen.h>

namespace polytask {

std::vector<at::Tensor> mix(const at::Tensor& weights, const std::vector<at::Tensor>& sources) {
  const at::Tensor stacked = at::stack(sources);  // [J, B, C, …]
  std::vector<at::Tensor> mixed;
  for (int64_t t = 0; t < weights.size(0); ++t) {
    const at::Tensor row = weights[t];
    if (row.dim() == 1)
      mixed.push_back(at::tensordot(row, stacked, {0}, {0}));
    else
      mixed.push_back(at::einsum("jc,jbc...->bc...", {row, stacked}));
  }
  return mixed;
}

at::Tensor mix_samples(const at::Tensor& weights, const std::vector<at::Tensor>& sources) {
  // Not of one stack of all sources: that would be kept for the backward pass, once for every target.
  at::Tensor mixed;
  for (size_t e = 0; e < sources.size(); ++e) {
    at::Tensor factor = weights.select(1, static_cast<int64_t>(e));
    while (factor.dim() < sources[e].dim()) factor = factor.unsqueeze(-1);
    mixed = e == 0 ? sources[e] * factor : mixed + sources[e] * factor;
  }
  return mixed;
}

}  // namespace polytask
