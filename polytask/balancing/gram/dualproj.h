#pragma once
#include <polytask/balancing/gram/dual_cone.h>
#include <polytask/balancing/gram_weighting.h>
#include <polytask/solvers/orthant_qp.h>

#include <vector>

namespace polytask {

/// The weighted sum of the gradients, projected onto the cone {d : Gd ≥ 0} of directions that oppose no task,
///   w = argmin { vᵀRv : v ≥ u },   d = Gᵀw = π(Gᵀu),
/// with the preferences u and R as in DualCone: M itself by default, so that Gd ≥ 0 to rounding. Weights are the ones
/// of an active set where M is singular. Where the solver does not end (M not finite) w is u, or the last feasible
/// weights, and solver.solved false. Source: Lopez-Paz, Ranzato, Gradient Episodic Memory for Continual Learning,
/// NeurIPS 2017, equation 11, with the mean gradient in place of the current task's.
class DualProj : public GramWeighting {
 public:
  explicit DualProj(const DualConeOptions& options) : cone_("dualproj", options) {}
  void setup(const std::vector<TaskInfo>& tasks) override { cone_.setup(tasks); }
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  DualCone cone_;
  OrthantQp solver_;
};

}  // namespace polytask
