#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace polytask {

/// Tensors by name, in the order of their names: states, checkpoints, the inputs and targets of a batch.
using NamedTensors = std::map<std::string, at::Tensor>;

}  // namespace polytask
