#pragma once
#include <ATen/core/Tensor.h>

namespace polytask {

/// A learnable float64 scalar on the CPU.
at::Tensor learnable_scalar(double value);

/// Adds to the .grad of a scalar, which becomes defined where it was not.
void add_to_gradient(const at::Tensor& scalar, double amount);

}  // namespace polytask
