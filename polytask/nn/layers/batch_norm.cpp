#include <polytask/core/error.h>
#include <polytask/nn/layers/batch_norm.h>

#include <fmt/ranges.h>

namespace polytask {

void require_batch_statistics(const at::Tensor& x, bool training) {
  if (!training || x.numel() > x.size(1)) return;
  throw InputError(
      "batch normalisation cannot train on one value per channel (its input is [{}]): every batch needs two samples or "
      "more, the last one too",
      fmt::join(x.sizes(), ", "));
}

}  // namespace polytask
