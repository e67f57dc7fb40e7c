#pragma once
#include <ATen/core/Tensor.h>

namespace polytask {

/// Throws InputError where batch normalisation would have to train on a single value per channel (`x`: [B, C] or
/// [B, C, H, W]), which has no variance. Does nothing outside training.
void require_batch_statistics(const at::Tensor& x, bool training);

}  // namespace polytask
