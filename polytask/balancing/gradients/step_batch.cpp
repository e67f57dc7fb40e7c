#include <polytask/balancing/gradients/step_batch.h>

#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

namespace polytask {

std::vector<at::Tensor> StepBatch::used_roots() const {
  std::vector<at::Tensor> result;
  for (size_t level = 0; level < used.size(); ++level)
    if (used[level]) result.push_back(roots[0][level]);
  return result;
}

at::Tensor StepBatch::feature_row(int64_t task, bool batch_sum) const {
  const auto t = static_cast<size_t>(task);
  std::vector<at::Tensor> parts;
  for (size_t level = 0; level < used.size(); ++level) {
    if (!used[level]) continue;
    const at::Tensor& seed = seeds[t][level];
    const at::Tensor gradient = seed.defined() ? seed.detach() : at::zeros_like(roots[t][level]).detach();
    parts.push_back((batch_sum ? gradient.sum(0) : gradient).reshape({-1}));
  }
  const at::Tensor row = parts.size() == 1 ? parts[0] : at::cat(parts);
  return share == 1.0 ? row.contiguous() : row * share;
}

StepBatch walk_heads(const BackwardContext& context, double share, const std::vector<int64_t>& present,
                     const std::vector<std::vector<at::Tensor>>& own,
                     std::vector<std::vector<at::Tensor>>& head_gradients) {
  StepBatch batch;
  batch.sample = context.sample;
  batch.share = share;
  batch.shared_roots = context.features.size() == 1;
  batch.roots.resize(context.losses.size());
  batch.seeds.resize(context.losses.size());
  for (size_t t = 0; t < batch.roots.size() && !context.features.empty(); ++t) {
    batch.roots[t] = context.features[batch.shared_roots ? 0 : t];
    batch.seeds[t].resize(batch.roots[t].size());
  }
  std::vector<at::Tensor> all_roots;
  for (int64_t task : present) {
    const auto t = static_cast<size_t>(task);
    const at::Tensor& loss = context.losses[t];
    head_gradients[t].assign(own[t].size(), at::Tensor());
    if (context.features.empty()) {
      batch.roots[t] = {loss};
      batch.seeds[t] = {at::ones_like(loss)};
    } else {
      // Levels behind which everything is frozen have no gradient.
      const Features& levels = context.leaves[batch.shared_roots ? 0 : t];
      std::vector<at::Tensor> inputs;
      for (const at::Tensor& level : levels)
        if (level.requires_grad()) inputs.push_back(level);
      const auto walked = static_cast<int64_t>(inputs.size());
      inputs.insert(inputs.end(), own[t].begin(), own[t].end());
      const auto found = torch::autograd::grad({loss}, inputs, {}, /*retain_graph=*/context.heads_shared,
                                               /*create_graph=*/false, /*allow_unused=*/true);
      for (size_t level = 0, next = 0; level < levels.size(); ++level)
        if (levels[level].requires_grad()) batch.seeds[t][level] = found[next++];
      head_gradients[t].assign(found.begin() + walked, found.end());
    }
    if (!batch.shared_roots || all_roots.empty())
      all_roots.insert(all_roots.end(), batch.roots[t].begin(), batch.roots[t].end());
  }
  if (batch.shared_roots) batch.used.assign(context.features[0].size(), 0);
  for (size_t level = 0; level < batch.used.size(); ++level)
    for (int64_t task : present)
      if (batch.seeds[static_cast<size_t>(task)][level].defined()) batch.used[level] = 1;
  batch.graph = read_layer_graph(all_roots);
  return batch;
}

}  // namespace polytask
