#pragma once
#include <ATen/core/Tensor.h>

#include <string>

namespace polytask {

/// Throws InputError, with the shapes and what to do, unless output is [B, channels, H, W], target [B, H, W] of the
/// same size (regression: [B, 1, H, W]) and valid undefined or of target's shape.
void check_map_shapes(const std::string& task, const at::Tensor& output, int64_t channels, const at::Tensor& target,
                      const at::Tensor& valid);

/// [B, C, H, W] → [B·H·W, C], pixel by pixel.
at::Tensor pixels_of(const at::Tensor& maps);

}  // namespace polytask
