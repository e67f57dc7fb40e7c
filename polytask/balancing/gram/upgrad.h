#pragma once
#include <polytask/balancing/gram/dual_cone.h>
#include <polytask/balancing/gram_weighting.h>
#include <polytask/solvers/orthant_qp.h>

#include <vector>

namespace polytask {

/// Unconflicting projection of gradients: every task's gradient is projected onto the cone {d : Gd ≥ 0} of directions
/// that oppose no task, and the projections are summed with the preferences u,
///   w = Σ_t argmin { vᵀRv : v ≥ u_t e_t },   d = Gᵀw = Σ_t u_t π(g_t),
/// with R as in DualCone: M itself by default, so that Gd ≥ 0 to rounding and scaling G scales d (linearity under
/// scaling: d is linear in a positive factor on any row as well). Weights are the ones of an active set where M is
/// singular. Where the solver does not end (M not finite) w is u, or the last feasible weights, and solver.solved
/// false. Source: Quinton, Rey, Jacobian Descent for Multi-Objective Optimization, 2024, equation 4.
class Upgrad : public GramWeighting {
 public:
  explicit Upgrad(const DualConeOptions& options) : cone_("upgrad", options) {}
  void setup(const std::vector<TaskInfo>& tasks) override { cone_.setup(tasks); }
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  DualCone cone_;
  OrthantQp solver_;
};

}  // namespace polytask
