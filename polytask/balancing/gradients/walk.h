#pragma once
#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/edge.h>

#include <vector>

namespace polytask {

/// Where a walk through an autograd graph starts, with what, and what it is to bring.
struct Walk {
  std::vector<at::Tensor> roots, seeds;  ///< a root without graph, or whose seed is undefined, is passed over
  std::vector<torch::autograd::Edge> targets;
};

/// One gradient for each target; undefined where none arrives. `keep`: the graph stays for further walks.
std::vector<at::Tensor> walk_graph(const Walk& walk, bool keep);

/// The same for seeds with one more, leading dimension [R, …], all at once by libtorch's batching; every gradient has
/// it too. Only for graphs whose nodes have batching rules (LayerGraph::batchable).
std::vector<at::Tensor> walk_graph_batched(const Walk& walk, bool keep);
/// Whether this libtorch can.
bool can_batch_walks();

}  // namespace polytask
