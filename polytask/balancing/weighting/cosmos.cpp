#include <polytask/balancing/weighting/cosmos.h>
#include <polytask/balancing/weighting/per_task.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>

#include <algorithm>
#include <memory>

namespace polytask {
namespace {

constexpr double kZeroNorm = 1e-150;  // below it, λ/‖L‖ could overflow

}  // namespace

void CosmosOptions::fields(Fields& f) {
  f.field("weights", weights, "the preference, one number or one for each task; default: 1/T", above(0));
  f.field("lambda", lambda, "what the proportion of the losses counts against their weighted sum", at_least(0));
}

void Cosmos::setup(const std::vector<TaskInfo>& tasks) {
  preference_.assign(tasks.size(), 1 / static_cast<double>(std::max<size_t>(tasks.size(), 1)));
  if (!options_.weights.empty()) preference_ = per_task("weights", options_.weights, task_names(tasks));
}

Weights Cosmos::weigh(const LossState& state, bool) {
  check_setup("cosmos", preference_.size(), state);
  const auto tasks = present_tasks(state);
  std::vector<double> w(state.losses.size(), 0.0), losses, preference;
  for (size_t t : tasks) {
    w[t] = preference_[t];
    losses.push_back(state.losses[t]);
    preference.push_back(preference_[t]);
  }
  Weights weights = weighted_sum(state, std::move(w));
  const double size = stable_norm(losses), preferred = stable_norm(preference);
  if (size < kZeroNorm) return weights;
  double cosine = 0;
  for (size_t i = 0; i < tasks.size(); ++i) cosine += (preference[i] / preferred) * (losses[i] / size);
  for (size_t i = 0; i < tasks.size(); ++i)
    weights.w[tasks[i]] -= options_.lambda / size * (preference[i] / preferred - cosine * (losses[i] / size));
  weights.objective -= options_.lambda * cosine;
  return weights;
}

void register_cosmos(BalancerRegistry& registry) {
  add_loss_weighting<CosmosOptions>(
      registry, "cosmos", "A weighted sum, and a reward for losses in the proportion of a preference (COSMOS)",
      "Ruchte, Grabocka, Scalable Pareto Front Approximation for Deep Multi-Objective Learning, ICDM 2021, eq. 6",
      [](const CosmosOptions& options) { return std::make_unique<Cosmos>(options); });
}

}  // namespace polytask
