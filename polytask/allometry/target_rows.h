#pragma once
#include <polytask/allometry/observations.h>

#include <ATen/core/Tensor.h>

#include <vector>

namespace polytask {

/// Targets of a genus, a height and a biomass task as batches hold them (masks undefined: all valid), as one row after
/// the other, whose `genus` is the class. What a mask leaves out is missing.
std::vector<Observation> rows_of_targets(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& valid);

}  // namespace polytask
