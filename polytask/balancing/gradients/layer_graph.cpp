#include <polytask/balancing/gradients/layer_graph.h>
#include <polytask/core/torch_compat.h>

#include <ATen/ops/im2col.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>
#include <torch/csrc/autograd/generated/Functions.h>

#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace polytask {
namespace {

using torch::autograd::AccumulateGrad;
using torch::autograd::Edge;
using torch::autograd::Node;
using torch::autograd::generated::AddmmBackward0;
using torch::autograd::generated::ConvolutionBackward0;
using torch::autograd::generated::MmBackward0;
using NodePointer = std::shared_ptr<Node>;

// Rules that libtorch's batching has; every other node would be walked task by task inside, at no gain.
bool is_batchable(const std::string& name) {
  static const std::set<std::string> kNames = {"ReluBackward0", "AddmmBackward0",    "MmBackward0",   "TBackward0",
                                               "TanhBackward0", "SigmoidBackward0",  "ViewBackward0", "MulBackward0",
                                               "AddBackward0",  "ThresholdBackward0"};
  return kNames.count(name) != 0 || name.find("AccumulateGrad") != std::string::npos;
}

// One number given for height and width stands alone in the node.
std::vector<int64_t> both_ways(std::vector<int64_t> values) {
  if (values.size() == 1) values.push_back(values[0]);
  return values;
}

const c10::TensorImpl* leaf_of(const Edge& edge) {
  const auto* leaf = dynamic_cast<AccumulateGrad*>(edge.function.get());
  return leaf != nullptr ? leaf->variable.unsafeGetTensorImpl() : nullptr;
}

class Reader {
 public:
  LayerGraph read(const std::vector<at::Tensor>& roots) {
    for (const auto& root : roots)
      if (root.defined() && root.requires_grad()) visit(torch::autograd::impl::gradient_edge(root).function);
    while (!waiting_.empty()) {
      const NodePointer node = waiting_.back();
      waiting_.pop_back();
      expand(node);
    }
    for (const NodePointer& node : nodes_) recognise(node);
    return std::move(graph_);
  }

 private:
  void visit(const NodePointer& node) {
    if (node && uses_.emplace(node.get(), 0).second) {
      waiting_.push_back(node);
      nodes_.push_back(node);
    }
  }

  void expand(const NodePointer& node) {
    graph_.batchable = graph_.batchable && is_batchable(node->name());
    if (auto* leaf = dynamic_cast<AccumulateGrad*>(node.get()))
      graph_.leaves[leaf->variable.unsafeGetTensorImpl()] = Edge(node, 0);
    for (const Edge& edge : node->next_edges()) {
      if (!edge.function) continue;
      visit(edge.function);
      ++uses_[edge.function.get()];
    }
  }

  // The weight behind an edge, transposed or not, if nothing else in the graph uses it.
  const c10::TensorImpl* sole_weight(const Edge& edge, bool transposed) {
    if (!edge.function || uses_[edge.function.get()] != 1) return nullptr;
    if (!transposed) return leaf_of(edge);
    if (edge.function->name() != "TBackward0") return nullptr;
    const Edge inner = edge.function->next_edge(0);
    return inner.function && uses_[inner.function.get()] == 1 ? leaf_of(inner) : nullptr;
  }

  // A bias that is trained must be a leaf used once; one without a gradient is no bias to us.
  bool sole_bias(const Edge& edge, LayerUse& use) {
    if (!edge.function) return true;
    use.bias = uses_[edge.function.get()] == 1 ? leaf_of(edge) : nullptr;
    return use.bias != nullptr;
  }

  void add_linear(const NodePointer& node, const at::Tensor& input, const Edge& weight, LayerUse use) {
    use.weight = sole_weight(weight, true);
    if (use.weight == nullptr || !input.defined() || input.dim() != 2) return;
    use.output = Edge(node, 0);
    use.input = input.detach();
    use.rows = input.size(0);
    use.in = use.weight->sizes()[1];
    use.out = use.weight->sizes()[0];
    graph_.layers.push_back(std::move(use));
  }

  void recognise(const NodePointer& node) {
    LayerUse use;
    if (auto* addmm = dynamic_cast<AddmmBackward0*>(node.get())) {
      const bool plain = addmm->alpha.equal(1) && addmm->beta.equal(1);
      if (plain && node->next_edge(2).function && sole_bias(node->next_edge(0), use) && is_vector(use.bias))
        add_linear(node, addmm->mat1_.unpack(node), node->next_edge(2), use);
    } else if (auto* mm = dynamic_cast<MmBackward0*>(node.get())) {
      if (node->next_edge(1).function) add_linear(node, mm->self_.unpack(node), node->next_edge(1), use);
    } else if (auto* convolution = dynamic_cast<ConvolutionBackward0*>(node.get())) {
      if (node->next_edge(1).function && sole_bias(node->next_edge(2), use)) add_convolution(node, *convolution, use);
    }
  }

  static bool is_vector(const c10::TensorImpl* bias) { return bias == nullptr || bias->sizes().size() == 1; }

  void add_convolution(const NodePointer& node, ConvolutionBackward0& convolution, LayerUse use) {
    use.weight = sole_weight(node->next_edge(1), false);
    const at::Tensor input = convolution.input_.unpack(node);
    if (use.weight == nullptr || !input.defined() || input.dim() != 4 || convolution.transposed ||
        convolution.groups != 1)
      return;
    const auto shape = use.weight->sizes();
    use.output = Edge(node, 0);
    use.input = input.detach();
    use.convolution = true;
    use.kernel = {shape[2], shape[3]};
    use.stride = both_ways(plain_integers(convolution.stride));
    use.padding = both_ways(plain_integers(convolution.padding));
    use.dilation = both_ways(plain_integers(convolution.dilation));
    int64_t positions = 1;
    for (size_t d = 0; d < 2; ++d)
      positions *=
          (input.size(static_cast<int64_t>(d) + 2) + 2 * use.padding[d] - use.dilation[d] * (use.kernel[d] - 1) - 1) /
              use.stride[d] +
          1;
    use.rows = input.size(0) * positions;
    use.in = shape[1] * shape[2] * shape[3];
    use.out = shape[0];
    graph_.layers.push_back(std::move(use));
  }

  LayerGraph graph_;
  std::vector<NodePointer> nodes_, waiting_;
  std::unordered_map<Node*, int64_t> uses_;
};

}  // namespace

at::Tensor LayerUse::patches() const {
  if (!convolution) return input;
  return at::im2col(input, kernel, dilation, padding, stride).transpose(1, 2).reshape({rows, in});
}

at::Tensor LayerUse::flatten_delta(const at::Tensor& delta) const {
  if (!convolution) return delta.contiguous();
  return delta.permute({0, 2, 3, 1}).reshape({rows, out}).contiguous();
}

LayerGraph read_layer_graph(const std::vector<at::Tensor>& roots) { return Reader().read(roots); }

}  // namespace polytask
