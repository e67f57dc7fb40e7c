#include <polytask/balancing/gram/dualproj.h>
#include <polytask/balancing/gram/register.h>

#include <memory>

namespace polytask {

GramWeights DualProj::weigh(const GramState& gram, const LossState&) {
  GramWeights weights;
  weights.solver = solver_.solve(cone_.matrix(gram.gram), cone_.preference(gram.tasks), weights.w);
  return weights;
}

void register_dualproj(BalancerRegistry& registry) {
  add_gram_weighting<DualConeOptions>(
      registry, "dualproj", "The mean gradient, projected to oppose no task (DualProj)",
      "Lopez-Paz, Ranzato, Gradient Episodic Memory for Continual Learning, NeurIPS 2017",
      [](const DualConeOptions& options) { return std::make_unique<DualProj>(options); });
}

}  // namespace polytask
