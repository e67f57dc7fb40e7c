#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/balancing/gradients/layer_graph.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// One batch of a step after its heads' backward pass: where the encoder's walk starts for each task, and with what.
/// T tasks; absent ones have no seeds. Where heads and encoder are not told apart, the roots are the losses themselves.
struct StepBatch {
  int64_t sample = 0;
  double share = 1;
  bool shared_roots = false;                          ///< all tasks start at the same features
  std::vector<std::vector<at::Tensor>> roots, seeds;  ///< [T][levels]; a seed may be undefined
  std::vector<char> used;                             ///< [levels] of shared roots: some task's head reads the level
  LayerGraph graph;                                   ///< from the roots down

  /// The shared roots that are used; none where tasks have roots of their own.
  std::vector<at::Tensor> used_roots() const;
  /// The seeds of a task at the used levels as one row times share; zeros where a level has none. With `batch_sum` each
  /// level is summed over its first dimension.
  at::Tensor feature_row(int64_t task, bool batch_sum = false) const;
};

/// The heads' backward passes of the tasks in `present`. `own[t]` are task t's own parameters; the gradients of those
/// that its head uses come into head_gradients[t], as long as own[t], undefined elsewhere.
StepBatch walk_heads(const BackwardContext& context, double share, const std::vector<int64_t>& present,
                     const std::vector<std::vector<at::Tensor>>& own,
                     std::vector<std::vector<at::Tensor>>& head_gradients);

}  // namespace polytask
