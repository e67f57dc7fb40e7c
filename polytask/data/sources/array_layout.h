#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// What the dimensions of stored arrays mean, and which channels are inputs.
struct ArrayLayout {
  std::vector<int64_t> inputs;  ///< channels (or feature columns) that are inputs; none: all
  bool channels_last = false;   ///< [..., H, W, C] instead of [..., C, H, W]
};

/// A stack [N, F], [N, H, W] (one channel) or [N, C, H, W] as contiguous [N, F'] or [N, C', H, W] of the wanted
/// channels. Features are float64; images bytes where stored as bytes, float32 otherwise. Throws InputError, naming
/// `file`, for other ranks and channels that do not exist.
at::Tensor arrange(const at::Tensor& stack, const ArrayLayout& layout, const std::string& file);

}  // namespace polytask
