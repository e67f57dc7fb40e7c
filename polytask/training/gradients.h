#pragma once
#include <polytask/nn/model.h>
#include <polytask/training/train_options.h>

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace polytask {

/// Scales gradients in place so that no norm exceeds its limit: shared parameters, each task's own, then everything
/// (balancing scales are not clipped). Parameters without a gradient are passed over.
void clip_gradients(const std::vector<ModelParameter>& parameters, int64_t tasks, const ClipOptions& options);

/// True where every gradient is finite (one read of each, one synchronisation).
bool gradients_are_finite(const std::vector<ModelParameter>& parameters);

/// Norm of each task's unweighted loss gradient over the shared parameters, [T]; NaN for absent tasks (undefined
/// losses). Keeps the graph for the backward pass that follows.
std::vector<double> task_gradient_norms(const std::vector<at::Tensor>& losses,
                                        const std::vector<ModelParameter>& parameters);

}  // namespace polytask
