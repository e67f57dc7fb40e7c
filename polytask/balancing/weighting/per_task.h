#pragma once
#include <polytask/core/tensors.h>

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <string>
#include <vector>

namespace polytask {

/// An option that takes one number for all tasks or one for each, as [T] numbers. InputError naming
/// "balancing.<option>" where it has another number of values, or one of them is not finite.
std::vector<double> per_task(const std::string& option, const std::vector<double>& values,
                             const std::vector<std::string>& names);

/// exp(x_i) / Σ exp(x_j), safe from overflow.
std::vector<double> softmax(const std::vector<double>& values);

/// log Σ exp(x_i), safe from overflow; −∞ for no values.
double log_sum_exp(const std::vector<double>& values);

/// ‖x‖₂, safe from overflow and underflow.
double stable_norm(const std::vector<double>& values);

/// A method's state as a float64 tensor [n], a copy.
at::Tensor state_tensor(const std::vector<double>& values);

/// The state `name` of a checkpoint. InputError naming the method where it is missing or has not `size` values.
std::vector<double> state_values(const std::string& method, const NamedTensors& state, const std::string& name,
                                 size_t size);

}  // namespace polytask
