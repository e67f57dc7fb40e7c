#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/scale_invariant.h>
#include <polytask/balancing/weighting/tasks.h>

#include <memory>

namespace polytask {

void ScaleInvariantOptions::fields(Fields& f) {
  f.field("convention", convention, "whose formula: paper and nash minimise the sum of log L, samsung of log(1 + L)",
          one_of({"paper", "nash", "samsung"}));
  f.field("epsilon", epsilon, "added to every loss; losses must be above -epsilon; default: the convention's, 0 or 1",
          at_least(0));
}

ScaleInvariant::ScaleInvariant(const ScaleInvariantOptions& options)
    : epsilon_(options.epsilon.value_or(options.convention == "samsung" ? 1.0 : 0.0)) {}

void ScaleInvariant::setup(const std::vector<TaskInfo>& tasks) { names_ = task_names(tasks); }

Weights ScaleInvariant::weigh(const LossState& state, bool) {
  Weights weights = no_weights(state);
  for (size_t t : present_tasks(state)) {
    weights.objective += log_loss("scale_invariant", names_, state, t, epsilon_);
    weights.w[t] = 1.0 / (state.losses[t] + epsilon_);
  }
  return weights;
}

void register_scale_invariant(BalancerRegistry& registry) {
  add_loss_weighting<ScaleInvariantOptions>(
      registry, "scale_invariant", "The sum of the logarithms of the losses is minimised (SI)",
      "Navon et al., Nash-MTL, ICML 2022, baseline SI: loss = Σ log L_t",
      [](const ScaleInvariantOptions& options) { return std::make_unique<ScaleInvariant>(options); });
}

}  // namespace polytask
