#include <polytask/balancing/gradients/walk.h>
#include <polytask/core/torch_compat.h>

#include <torch/csrc/autograd/engine.h>

namespace polytask {
namespace {

using torch::autograd::Edge;
using torch::autograd::edge_list;
using torch::autograd::Engine;
using torch::autograd::variable_list;

variable_list execute(const Walk& walk, const std::vector<at::Tensor>& seeds, bool keep) {
  edge_list roots;
  variable_list inputs;
  for (size_t i = 0; i < walk.roots.size(); ++i) {
    if (!walk.roots[i].defined() || !walk.roots[i].requires_grad() || !seeds[i].defined()) continue;
    roots.push_back(torch::autograd::impl::gradient_edge(walk.roots[i]));
    inputs.push_back(seeds[i]);
  }
  if (roots.empty() || walk.targets.empty()) return variable_list(walk.targets.size());
  return Engine::get_default_engine().execute(roots, inputs, keep, /*create_graph=*/false, /*accumulate_grad=*/false,
                                              walk.targets);
}

}  // namespace

std::vector<at::Tensor> walk_graph(const Walk& walk, bool keep) { return execute(walk, walk.seeds, keep); }

std::vector<at::Tensor> walk_graph_batched(const Walk& walk, bool keep) {
  const BatchingLevel level;
  int64_t rows = 0;
  std::vector<at::Tensor> seeds;
  for (const auto& seed : walk.seeds) {
    seeds.push_back(seed.defined() ? level.batch(seed) : seed);
    if (seed.defined()) rows = seed.size(0);
  }
  variable_list found = execute(walk, seeds, keep);
  for (at::Tensor& gradient : found)
    if (gradient.defined()) gradient = level.unbatch(gradient, rows);
  return found;
}

bool can_batch_walks() { return BatchingLevel::kAvailable; }

}  // namespace polytask
