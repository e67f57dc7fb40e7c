#include <polytask/balancing/gram/mgda.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/core/error.h>

#include <cmath>
#include <map>
#include <memory>

namespace polytask {
namespace {

const char* const kNormalized = "normalized";
const char* const kTasks = "tasks";
const char* const kProjected = "projected_gradient";

struct Convention {
  const char *combine, *sum, *solver;
  int64_t most_iterations;
};

const std::map<std::string, Convention>& conventions() {
  static const Convention paper = {"raw", "one", "exact", 250};
  static const std::map<std::string, Convention> table = {
      {"paper", paper},
      {"samsung", paper},
      {"torchjd", paper},
      {"sener", {"raw", "one", "exact", 100000}},
      {"libmtl", {kNormalized, "one", "exact", 250}},
      {"nash", {"raw", kTasks, kProjected, 100000}},
  };
  return table;
}

}  // namespace

void MgdaOptions::fields(Fields& f) {
  std::vector<std::string> names;
  for (const auto& [name, defaults] : conventions()) names.push_back(name);
  f.field("convention", convention, "whose defaults for combine, sum and solver", one_of(names));
  f.field("normalize", normalize,
          "what the task gradients are divided by before the problem is solved: none; l2: their norm; loss: the loss; "
          "loss+: both; default: none",
          one_of({"none", "l2", "loss", "loss+"}));
  f.field("combine", combine,
          "which gradients the direction combines: raw, or normalized ones; default: the convention's, raw",
          one_of({"raw", kNormalized}));
  f.field("sum", sum, "of the simplex weights: one, or the number of tasks; default: the convention's, one",
          one_of({"one", kTasks}));
  f.field("solver", solver,
          "exact: by active set; projected_gradient: the peers' iteration, which may stop far from the optimum; "
          "default: the convention's, exact",
          one_of({"exact", kProjected}));
}

Mgda::Mgda(const MgdaOptions& options) : normalize_(options.normalize.value_or("none")) {
  const auto known = conventions().find(options.convention);
  if (known == conventions().end())
    throw InputError("balancing.convention: mgda has no convention \"{}\"", options.convention);
  combines_normalized_ = options.combine.value_or(known->second.combine) == kNormalized;
  sums_to_tasks_ = options.sum.value_or(known->second.sum) == kTasks;
  is_exact_ = options.solver.value_or(known->second.solver) != kProjected;
  most_iterations_ = known->second.most_iterations;
}

void Mgda::set_scales(const GramState& gram) {
  const int64_t rows = gram.rows();
  scales_.assign(static_cast<size_t>(rows), 1);
  for (int64_t i = 0; i < rows; ++i) {
    double& scale = scales_[static_cast<size_t>(i)];
    if (normalize_ == "loss" || normalize_ == "loss+") scale *= std::abs(gram.losses[static_cast<size_t>(i)]);
    if (normalize_ == "l2" || normalize_ == "loss+") scale *= std::sqrt(gram.gram(i, i));
    if (!std::isfinite(scale) || !std::isfinite(1 / scale)) scale = 1;
  }
  normalized_.resize(rows, rows);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < rows; ++j)
      normalized_(i, j) = gram.gram(i, j) / scales_[static_cast<size_t>(i)] / scales_[static_cast<size_t>(j)];
}

SolverStatus Mgda::solve(const Matrix& gram, std::vector<double>& simplex) {
  return is_exact_ ? exact_.solve(gram, simplex) : projected_.solve(gram, simplex, most_iterations_);
}

GramWeights Mgda::weigh(const GramState& gram, const LossState&) {
  GramWeights weights;
  std::vector<double>& simplex = weights.shown["simplex"];
  if (normalize_ == "none") {
    weights.solver = solve(gram.gram, simplex);
  } else {
    set_scales(gram);
    weights.solver = solve(normalized_, simplex);
  }
  weights.w = simplex;
  for (size_t i = 0; i < weights.w.size(); ++i) {
    if (combines_normalized_ && normalize_ != "none") weights.w[i] /= scales_[i];
    if (sums_to_tasks_) weights.w[i] *= static_cast<double>(weights.w.size());
  }
  return weights;
}

void register_mgda(BalancerRegistry& registry) {
  add_gram_weighting<MgdaOptions>(
      registry, "mgda", "The direction of least norm in the hull of the task gradients (MGDA), by an exact solver",
      "Désidéri 2012; Sener, Koltun, NeurIPS 2018",
      [](const MgdaOptions& options) { return std::make_unique<Mgda>(options); });
}

}  // namespace polytask
