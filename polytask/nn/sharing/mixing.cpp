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
  return at::einsum("be,eb...->b...", {weights, at::stack(sources)});
}

}  // namespace polytask
