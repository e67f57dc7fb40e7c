#include <polytask/balancing/gram/register.h>
#include <polytask/balancing/gram/upgrad.h>

#include <memory>

namespace polytask {

GramWeights Upgrad::weigh(const GramState& gram, const LossState&) {
  GramWeights weights;
  weights.solver = solver_.solve_each(cone_.matrix(gram.gram), cone_.preference(gram.tasks), weights.w);
  return weights;
}

void register_upgrad(BalancerRegistry& registry) {
  add_gram_weighting<DualConeOptions>(registry, "upgrad",
                                      "Sum of the gradients, each projected to oppose no task (UPGrad)",
                                      "Quinton, Rey, Jacobian Descent for Multi-Objective Optimization, 2024",
                                      [](const DualConeOptions& options) { return std::make_unique<Upgrad>(options); });
}

}  // namespace polytask
