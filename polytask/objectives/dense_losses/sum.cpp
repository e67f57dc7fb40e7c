#include <polytask/core/error.h>
#include <polytask/objectives/dense_losses/register.h>

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace polytask {
namespace {

using Family = DenseLossRegistry& (*)();

// A term is a name or a section; as a section.
Node term_section(const Node& term) {
  if (!term.is_scalar()) return term;
  Node section = Node::map_of({{"type", term}});
  section.place = term.place;
  section.path = term.path;
  return section;
}

template <Family family>
struct SumOptions {
  Node losses;
  std::vector<double> weights;

  void fields(Fields& f) {
    f.field("losses", losses, "list of the terms: names, or sections with options", required());
    f.field("weights", weights, "one for each term; empty: all 1", at_least(0));
    if (losses.is_sequence()) losses = resolved(losses);
  }

 private:
  static Node resolved(const Node& terms) {
    Node list = Node::sequence_of({});
    for (const Node& term : terms.items()) list.append(family().resolve(term_section(term)));
    list.place = terms.place;
    list.path = terms.path;
    return list;
  }
};

/// Of the terms for which some pixel counts.
class Sum : public DenseLoss {
 public:
  Sum(std::vector<std::unique_ptr<DenseLoss>> terms, std::vector<double> weights)
      : terms_(std::move(terms)), weights_(std::move(weights)) {}

  at::Tensor forward(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    at::Tensor sum;
    for (size_t i = 0; i < terms_.size(); ++i) {
      const at::Tensor term = terms_[i]->forward(output, target, valid);
      if (term.defined()) sum = sum.defined() ? sum + weights_[i] * term : weights_[i] * term;
    }
    return sum;
  }
  bool leaves_out_negatives() const override {
    return std::any_of(terms_.begin(), terms_.end(), [](const auto& term) { return term->leaves_out_negatives(); });
  }

 private:
  std::vector<std::unique_ptr<DenseLoss>> terms_;
  std::vector<double> weights_;
};

template <Family family>
std::unique_ptr<DenseLoss> create_sum(const SumOptions<family>& options, int64_t classes) {
  const Node& list = options.losses;
  if (!list.is_sequence() || list.items().empty())
    throw InputError("{}: expected a list of losses, for example [cross_entropy, dice]", list.where());
  std::vector<double> weights = options.weights;
  if (weights.empty()) weights.assign(list.items().size(), 1);
  if (weights.size() != list.items().size())
    throw InputError("{}: {} weights for {} losses: give one for each, or none", list.where(), weights.size(),
                     list.items().size());
  std::vector<std::unique_ptr<DenseLoss>> terms;
  for (const Node& term : list.items()) terms.push_back(family().create(term, classes));
  return std::make_unique<Sum>(std::move(terms), std::move(weights));
}

template <Family family>
void register_sum(DenseLossRegistry& losses) {
  losses.add<SumOptions<family>>("sum", "weighted sum of losses of the same family", "", create_sum<family>);
}

}  // namespace

void register_segmentation_sum(DenseLossRegistry& losses) { register_sum<segmentation_losses>(losses); }
void register_dense_regression_sum(DenseLossRegistry& losses) { register_sum<dense_regression_losses>(losses); }

}  // namespace polytask
