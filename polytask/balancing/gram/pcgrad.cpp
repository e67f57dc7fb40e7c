#include <polytask/balancing/gram/orders.h>
#include <polytask/balancing/gram/pcgrad.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/core/error.h>

#include <map>
#include <memory>

namespace polytask {
namespace {

struct Convention {
  double eps;
  const char* reduction;
  const char* self;
  const char* order;
};

const std::map<std::string, Convention>& conventions() {
  static const std::map<std::string, Convention> table = {
      {"paper", {0, "sum", "skip", "own"}},
      {"libmtl", {1e-8, "sum", "include", "own"}},
      {"torchjd", {0, "sum", "skip", "own"}},
      {"nash", {0, "sum", "include", "own"}},
      {"weichengtseng", {0, "mean", "include", "own"}},
      {"samsung", {1e-5, "sum", "include", "shared"}},
  };
  return table;
}

}  // namespace

void PCGradOptions::fields(Fields& f) {
  std::vector<std::string> names;
  for (const auto& [name, defaults] : conventions()) names.push_back(name);
  f.field("convention", convention, "whose defaults for eps, reduction, self and order", one_of(names));
  f.field("eps", eps, "added to the squared norm that a projection divides by; default: the convention's, 0",
          at_least(0));
  f.field("reduction", reduction, "of the projected gradients; default: the convention's, sum",
          one_of({"sum", "mean"}));
  f.field("self", self,
          "include: a gradient that earlier projections turned against its own original is projected on that too; "
          "default: the convention's, skip",
          one_of({"skip", "include"}));
  f.field("order", order,
          "own: every task visits the others in an order of its own; shared: one order for all; default: the "
          "convention's, own",
          one_of({"own", "shared"}));
}

PCGrad::PCGrad(const PCGradOptions& options) {
  const auto known = conventions().find(options.convention);
  if (known == conventions().end())
    throw InputError("balancing.convention: pcgrad has no convention \"{}\"", options.convention);
  eps_ = options.eps.value_or(known->second.eps);
  mean_ = options.reduction.value_or(known->second.reduction) == "mean";
  include_self_ = options.self.value_or(known->second.self) == "include";
  shared_order_ = options.order.value_or(known->second.order) == "shared";
}

void PCGrad::project(const Matrix& m, int64_t row, const std::vector<int64_t>& order) {
  const int64_t n = m.rows();
  c_.assign(static_cast<size_t>(n), 0.0);
  c_[static_cast<size_t>(row)] = 1;
  products_.assign(m.row(row), m.row(row) + n);
  for (int64_t j : order) {
    if (j == row && !include_self_) continue;
    const double product = products_[static_cast<size_t>(j)];
    const double square = m(j, j);
    if (!(product < 0) || !(square > 0)) continue;
    const double factor = product / (square + eps_);
    c_[static_cast<size_t>(j)] -= factor;
    for (int64_t k = 0; k < n; ++k) products_[static_cast<size_t>(k)] -= factor * m(j, k);
  }
}

GramWeights PCGrad::weigh(const GramState& gram, const LossState& state) {
  const int64_t n = gram.rows();
  GramWeights weights;
  weights.w.assign(static_cast<size_t>(n), n == 1 ? 1.0 : 0.0);
  if (n == 1) return weights;
  std::vector<int64_t> order;
  for (int64_t row = 0; row < n; ++row) {
    if (row == 0 || !shared_order_) order = draw_order("pcgrad", "pcgrad/order", state, n);
    project(gram.gram, row, order);
    for (size_t k = 0; k < weights.w.size(); ++k) weights.w[k] += mean_ ? c_[k] / static_cast<double>(n) : c_[k];
  }
  return weights;
}

void register_pcgrad(BalancerRegistry& registry) {
  add_gram_weighting<PCGradOptions>(registry, "pcgrad",
                                    "Every gradient projected off those it conflicts with, in random order",
                                    "Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS 2020",
                                    [](const PCGradOptions& options) { return std::make_unique<PCGrad>(options); });
}

}  // namespace polytask
