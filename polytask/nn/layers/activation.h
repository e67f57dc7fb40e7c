#pragma once
#include <polytask/core/options.h>

#include <ATen/core/Tensor.h>

#include <string>

namespace polytask {

/// An elementwise function of a tensor of any shape.
using Activation = at::Tensor (*)(const at::Tensor&);

/// What an `activation` option may be: relu, gelu, tanh, silu.
Range activation_choices();
/// The function of that name; gelu is the exact one (Hendrycks & Gimpel 2016), not the tanh approximation. Throws
/// InputError for another name.
Activation activation_of(const std::string& name);

}  // namespace polytask
