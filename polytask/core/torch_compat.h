#pragma once
// Every difference between libtorch 1.13 (Debian's, the default) and 2.x that our code meets stands here and nowhere
// else.
#include <ATen/core/Tensor.h>
#include <c10/core/SymInt.h>
#include <torch/optim/optimizer.h>
#include <torch/version.h>

#if TORCH_VERSION_MAJOR < 2
#include <ATen/VmapMode.h>
#include <ATen/ops/_add_batch_dim.h>
#include <ATen/ops/_remove_batch_dim.h>
#endif

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

#if TORCH_VERSION_MAJOR >= 2
using OptimizerStateKey = void*;
inline OptimizerStateKey optimizer_state_key(const at::Tensor& parameter) { return parameter.unsafeGetTensorImpl(); }
#else
using OptimizerStateKey = std::string;
inline OptimizerStateKey optimizer_state_key(const at::Tensor& parameter) {
  return c10::guts::to_string(parameter.unsafeGetTensorImpl());
}
#endif

/// What autograd nodes keep of strides and paddings: integers in 1.13, symbolic ones in 2.x.
inline std::vector<int64_t> plain_integers(const std::vector<int64_t>& values) { return values; }
inline std::vector<int64_t> plain_integers(const std::vector<c10::SymInt>& values) {
  std::vector<int64_t> result;
  for (const auto& value : values) result.push_back(c10::SymInt(value).expect_int());
  return result;
}

/// While it lives, tensors may carry one hidden leading dimension through operations and autograd nodes (libtorch
/// 1.13's vmap; 2.x has it for Python only).
class BatchingLevel {
 public:
#if TORCH_VERSION_MAJOR >= 2
  static constexpr bool kAvailable = false;
  at::Tensor batch(const at::Tensor& tensor) const { return tensor; }
  at::Tensor unbatch(const at::Tensor& tensor, int64_t) const { return tensor; }
#else
  static constexpr bool kAvailable = true;
  BatchingLevel() : level_(at::impl::VmapMode::increment_nesting()) {}
  ~BatchingLevel() { at::impl::VmapMode::decrement_nesting(); }
  BatchingLevel(const BatchingLevel&) = delete;
  BatchingLevel& operator=(const BatchingLevel&) = delete;
  at::Tensor batch(const at::Tensor& tensor) const { return at::_add_batch_dim(tensor, 0, level_); }
  /// With the dimension back in front, expanded to `size` where the tensor did not depend on it.
  at::Tensor unbatch(const at::Tensor& tensor, int64_t size) const {
    return at::_remove_batch_dim(tensor, level_, size, 0);
  }

 private:
  int64_t level_;
#endif
};

}  // namespace polytask
