#include <polytask/balancing/combining/db_mtl.h>
#include <polytask/balancing/combining/register.h>
#include <polytask/balancing/combining/rows.h>
#include <polytask/balancing/gradients/row_kernels.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace polytask {

void DbMtlOptions::fields(Fields& f) {
  f.field("beta", beta, "how much of the tracked gradients stays at step 1", between(0, 1));
  f.field("beta_sigma", beta_sigma, "exponent with which that share falls: beta / step^beta_sigma", at_least(0));
  f.field("epsilon", epsilon, "added to every loss, and to the norms that are divided by", above(0));
}

void DbMtl::setup(const std::vector<TaskInfo>& tasks) { names_ = task_names(tasks); }

std::vector<double> DbMtl::inverse_losses(const GradientRows& rows, const LossState& state) const {
  std::vector<double> inverse;
  for (size_t i = 0; i < rows.tasks.size(); ++i) {
    const double shifted = rows.losses[i] + options_.epsilon;
    if (!(shifted > 0))
      throw WorkError(
          "db_mtl: the loss of {} is {} in step {}, and its logarithm needs a value above 0: choose a loss that stays "
          "positive, or a greater `epsilon`, which is added to every loss (now {})",
          task_text(names_, static_cast<size_t>(rows.tasks[i])), rows.losses[i], state.step, options_.epsilon);
    inverse.push_back(1 / shifted);
  }
  return inverse;
}

GramWeights DbMtl::combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) {
  const at::NoGradGuard no_grad;
  check_rows("db_mtl", rows, 1);
  GramWeights result;
  result.heads = inverse_losses(rows, state);
  prepare_state("db_mtl", "b", rows, b_);
  const double keep = options_.beta * std::pow(static_cast<double>(++step_), -options_.beta_sigma);
  const auto b = state_rows(b_, rows.tasks), grads = each_row(rows.grads());
  std::vector<double> norms;
  for (size_t i = 0; i < b.size(); ++i) {
    b[i].mul_(keep).add_(grads[i], (1 - keep) * result.heads[i]);
    norms.push_back(row_norm(b[i]));
  }
  const double longest = *std::max_element(norms.begin(), norms.end());
  std::vector<double> scales;
  for (size_t i = 0; i < b.size(); ++i) {
    scales.push_back(longest / (norms[i] + options_.epsilon));
    result.w.push_back(scales[i] * (1 - keep) * result.heads[i]);
  }
  add_weighted_rows(b, scales, direction);
  result.shown["scale"] = scales;
  return result;
}

NamedTensors DbMtl::state() const {
  NamedTensors state = {{"step", to_tensor(step_)}};
  if (b_.defined()) state["b"] = b_.clone();
  return state;
}

void DbMtl::load_state(const NamedTensors& state) {
  step_ = saved(state, "db_mtl", "step").item<int64_t>();
  b_ = state.count("b") != 0 ? state.at("b").clone() : at::Tensor();
}

void register_db_mtl(BalancerRegistry& registry) {
  add_combiner<DbMtlOptions>(registry, "db_mtl",
                             "Logarithms of the losses, their tracked gradients of one length (DB-MTL)",
                             "Lin et al., Dual-Balancing for Multi-Task Learning, 2023",
                             [](const DbMtlOptions& options) { return std::make_unique<DbMtl>(options); });
}

}  // namespace polytask
