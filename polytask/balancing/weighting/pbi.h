#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <vector>

namespace polytask {

struct PbiOptions {
  std::vector<double> weights;          ///< direction > 0: one number, or one for each task; default equal
  std::vector<double> reference = {0};  ///< z: one number, or one for each task
  double theta = 5;                     ///< θ ≥ 0: what distance from the ray counts against progress along it
  void fields(Fields& f);
};

/// Penalty-based boundary intersection: the losses go down along the ray from z in the direction of the weights. With
/// f = L − z and ŵ = weights/‖weights‖ over the present tasks, d₁ = fᵀŵ along the ray and d₂ = √(‖f − d₁ŵ‖² + 1e-12)
/// from it, minimises d₁ + θ d₂: w = ŵ + θ (f − d₁ŵ)/d₂. Weights can be negative: a task that is ahead is held back
/// until the others have caught up. T = 1: w = 1.
/// Source: Zhang, Li, MOEA/D: A Multiobjective Evolutionary Algorithm Based on Decomposition, IEEE TEVC 2007, eq. 4;
/// the 1e-12, which makes d₂ differentiable on the ray, is TorchJD's.
class Pbi : public LossWeighting {
 public:
  explicit Pbi(const PbiOptions& options) : options_(options) {}
  /// InputError where weights or reference do not fit the tasks.
  void setup(const std::vector<TaskInfo>& tasks) override;
  Weights weigh(const LossState& state, bool train) override;

 private:
  PbiOptions options_;
  std::vector<double> direction_, reference_;  // [T]
};

}  // namespace polytask
