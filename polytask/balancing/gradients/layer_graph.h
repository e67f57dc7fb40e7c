#pragma once
#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/edge.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace polytask {

/// A layer whose parameters' gradient is δᵀa, found in the autograd graph of one forward pass: a linear layer, or a
/// convolution (a: its patches).
struct LayerUse {
  torch::autograd::Edge output;  ///< where the gradient at the layer's output is caught
  at::Tensor input;              ///< a: [n, in]; of a convolution [B, C, H, W], patches are taken when needed
  const c10::TensorImpl* weight = nullptr;
  const c10::TensorImpl* bias = nullptr;  ///< null for none
  int64_t rows = 0, in = 0, out = 0;      ///< n (samples, or samples × positions), and the weight as [out, in]
  bool convolution = false;
  std::vector<int64_t> kernel, stride, padding, dilation;

  at::Tensor patches() const;                               ///< a as [n, in]
  at::Tensor flatten_delta(const at::Tensor& delta) const;  ///< the gradient at the output as [n, out], contiguous
};

/// What the graph between some roots and the leaves looks like.
struct LayerGraph {
  std::vector<LayerUse> layers;  ///< whose weight (and bias, if it has one) is used there and nowhere else
  std::map<const c10::TensorImpl*, torch::autograd::Edge> leaves;  ///< every leaf that is reached
  bool batchable = true;  ///< every node has a rule for gradients batched over tasks
};

/// Walks the graph of `roots` (undefined ones and those without graph are passed over). Layers are recognised by their
/// autograd nodes, so any model's are, however it is written.
LayerGraph read_layer_graph(const std::vector<at::Tensor>& roots);

}  // namespace polytask
