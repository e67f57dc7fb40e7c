#include <polytask/balancing/combining/modo.h>
#include <polytask/balancing/combining/register.h>
#include <polytask/balancing/combining/rows.h>

#include <ATen/core/grad_mode.h>

#include <memory>

namespace polytask {

void ModoOptions::fields(Fields& f) {
  f.field("convention", convention, "whose defaults for gamma and rho", one_of({"paper", "libmtl", "torchjd"}));
  f.field("gamma", gamma, "step size of λ; default: the convention's, 0.001", at_least(0));
  f.field("rho", rho, "pull of λ towards equal weights; default: the convention's, 0", at_least(0));
}

Modo::Modo(const ModoOptions& options)
    : gamma_(options.gamma.value_or(options.convention == "torchjd" ? 0.1 : 0.001)),
      rho_(options.rho.value_or(options.convention == "paper" ? 0.0 : 0.1)) {}

void Modo::setup(const std::vector<TaskInfo>& tasks) { lambda_.reset(static_cast<int64_t>(tasks.size())); }

Needs Modo::needs() const {
  Needs needs;
  needs.independent_batches = 3;
  return needs;
}

GramWeights Modo::combine(const GradientRows& rows, const LossState&, at::Tensor&) {
  const at::NoGradGuard no_grad;
  check_rows("modo", rows, 2);
  lambda_.prepare(rows.task_count);
  auto lambda = lambda_.of(rows.tasks);
  const auto slope = row_dots(rows.samples[0], weighted_rows(each_row(rows.samples[1]), lambda));
  for (size_t i = 0; i < lambda.size(); ++i) lambda[i] -= gamma_ * (slope[i] + rho_ * lambda[i]);
  GramWeights result;
  result.w = on_simplex(lambda);
  lambda_.set(rows.tasks, result.w);
  return result;
}

NamedTensors Modo::state() const { return {{"lambda", lambda_.tensor()}}; }

void Modo::load_state(const NamedTensors& state) { lambda_.load("modo", saved(state, "modo", "lambda")); }

void register_modo(BalancerRegistry& registry) {
  add_combiner<ModoOptions>(registry, "modo", "Min-norm weights by unbiased slopes from separate batches (MoDo)",
                            "Chen et al., Three-Way Trade-Off in Multi-Objective Learning, NeurIPS 2023",
                            [](const ModoOptions& options) { return std::make_unique<Modo>(options); });
}

}  // namespace polytask
