#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/objectives/losses/class_weights.h>

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polytask {
namespace {

// n / (C n_c) for every class.
Node balanced_weights(const std::vector<int64_t>& counts) {
  const double samples = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  Node weights = Node::sequence_of({});
  for (const int64_t count : counts) {
    const double of_class = static_cast<double>(std::max<int64_t>(count, 1));
    weights.append(Node::scalar_of(number_text(samples / (static_cast<double>(counts.size()) * of_class))));
  }
  return weights;
}

}  // namespace

at::Tensor class_weights_of(const Node& given, int64_t classes) {
  if (given.is_null()) return {};
  if (!given.is_sequence())
    throw InputError("{}: expected a list of {} numbers{}", given.where(), classes,
                     given.is_scalar() && given.text() == "balanced"
                         ? "; \"balanced\" needs a classification task, which counts its training samples"
                         : " or \"balanced\"");
  std::vector<double> weights;
  for (const auto& item : given.items()) {
    weights.push_back(number_of(item));
    if (!(weights.back() >= 0) || std::isinf(weights.back()))
      throw InputError("{}: a class weight must be a finite number ≥ 0, got {}", item.where(), item.text());
  }
  if (static_cast<int64_t>(weights.size()) != classes)
    throw InputError("{}: {} class weights for {} classes", given.where(), weights.size(), classes);
  if (*std::max_element(weights.begin(), weights.end()) == 0)
    throw InputError("{}: every class weight is 0; at least one must be above", given.where());
  return at::tensor(weights, at::kDouble);
}

bool asks_for_balanced_weights(const Node& loss) {
  if (!loss.is_map()) return false;
  const Node* terms = loss.find("losses");
  if (terms != nullptr && std::any_of(terms->items().begin(), terms->items().end(), asks_for_balanced_weights))
    return true;
  return loss.text_or("class_weights", "") == "balanced";
}

Node with_balanced_weights(const Node& loss, const std::vector<int64_t>& counts) {
  if (!asks_for_balanced_weights(loss)) return loss;
  Node result = loss;
  if (const Node* terms = loss.find("losses")) {
    Node list = Node::sequence_of({});
    for (const Node& term : terms->items()) list.append(with_balanced_weights(term, counts));
    result.set("losses", list);
    return result;
  }
  result.set("class_weights", balanced_weights(counts));
  return result;
}

bool has_zero_weight(const at::Tensor& weights) { return weights.defined() && weights.min().item<double>() == 0; }

at::Tensor weights_of_targets(const at::Tensor& weights, const at::Tensor& target) {
  return weights.defined() ? weights.to(target.device()).index_select(0, target) : at::Tensor();
}

}  // namespace polytask
