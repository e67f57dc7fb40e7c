#include <polytask/balancing/gram/cagrad.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

namespace polytask {
namespace {

struct Convention {
  double c;
  int64_t rescale;
  const char* reduction;
  double epsilon;  // both
  const char* without_descent;
};

const std::map<std::string, Convention>& conventions() {
  static const std::map<std::string, Convention> table = {
      {"paper", {0.5, 0, "mean", 0, "project"}},      {"libmtl", {0.5, 1, "mean", 1e-8, "project"}},
      {"official", {0.5, 1, "sum", 1e-8, "project"}}, {"nash", {0.4, 1, "sum", 1e-8, "project"}},
      {"torchjd", {0.5, 0, "mean", 0, "zero"}},
  };
  return table;
}

}  // namespace

void CagradOptions::fields(Fields& f) {
  std::vector<std::string> names;
  for (const auto& [name, defaults] : conventions()) names.push_back(name);
  f.field("convention", convention, "whose defaults for the other options", one_of(names));
  f.field("c", c,
          "the direction's distance from the mean gradient, relative to its norm; default: the convention's, 0.5",
          at_least(0));
  f.field("rescale", rescale,
          "what the direction is divided by: 0: 1; 1: 1 + c²; 2: 1 + c; default: the convention's, 0", between(0, 2));
  f.field(
      "reduction", reduction,
      "mean: the direction is near the mean gradient; sum: times the number of tasks; default: the convention's, mean",
      one_of({"mean", "sum"}));
  f.field("epsilon", epsilon, "added under the roots; default: the convention's, 0", at_least(0));
  f.field("norm_epsilon", norm_epsilon, "added to the norms; default: the convention's, 0", at_least(0));
  f.field(
      "without_descent", without_descent,
      "the direction where none improves all tasks: project: the mean gradient's projection on those that make none "
      "worse; zero: no step; default: the convention's, project",
      one_of({"project", "zero"}));
}

Cagrad::Cagrad(const CagradOptions& options) {
  const auto known = conventions().find(options.convention);
  if (known == conventions().end())
    throw InputError("balancing.convention: cagrad has no convention \"{}\"", options.convention);
  const Convention& defaults = known->second;
  c_ = options.c.value_or(defaults.c);
  epsilon_ = options.epsilon.value_or(defaults.epsilon);
  norm_epsilon_ = options.norm_epsilon.value_or(defaults.epsilon);
  rescale_ = options.rescale.value_or(defaults.rescale);
  is_sum_ = options.reduction.value_or(defaults.reduction) == "sum";
  is_zero_without_descent_ = options.without_descent.value_or(defaults.without_descent) == "zero";
}

double Cagrad::radius(const Matrix& gram) const {
  const auto rows = static_cast<double>(gram.rows());
  double sum = 0;
  for (int64_t i = 0; i < gram.rows(); ++i)
    for (int64_t j = 0; j < gram.cols(); ++j) sum += gram(i, j);
  return c_ * std::sqrt(std::max(sum / rows / rows, 0.0) + epsilon_) + norm_epsilon_;
}

// r x_t / (‖g_x‖ + norm_epsilon), from y = λx and λ‖g_x‖ = ‖Gᵀy‖.
double Cagrad::share(double multiplier) const {
  if (multiplier == 0 || (epsilon_ == 0 && norm_epsilon_ == 0)) return multiplier;
  if (!std::isfinite(solution_.lambda)) return 0;
  return radius_ * multiplier / (solution_.length + norm_epsilon_ * solution_.lambda);
}

GramWeights Cagrad::weigh(const GramState& gram, const LossState&) {
  const auto rows = static_cast<double>(gram.rows());
  GramWeights weights;
  radius_ = radius(gram.gram);
  weights.solver = solver_.solve(gram.gram, radius_, epsilon_, solution_);
  weights.shown["simplex"] = solution_.x;
  const double divisor = rescale_ == 0 ? 1 : rescale_ == 1 ? 1 + c_ * c_ : 1 + c_;
  const double factor = (is_sum_ ? rows : 1) / divisor;
  const bool is_zero = solution_.is_projection && is_zero_without_descent_;
  for (const double multiplier : solution_.y)
    weights.w.push_back(is_zero ? 0 : factor * (1 / rows + share(multiplier)));
  return weights;
}

void register_cagrad(BalancerRegistry& registry) {
  add_gram_weighting<CagradOptions>(
      registry, "cagrad", "Near the mean gradient, the direction that improves the worst-off task most (CAGrad)",
      "Liu et al., NeurIPS 2021", [](const CagradOptions& options) { return std::make_unique<Cagrad>(options); });
}

}  // namespace polytask
