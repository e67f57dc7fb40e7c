#include <polytask/balancing/weighting/pbi.h>
#include <polytask/balancing/weighting/per_task.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>

#include <cmath>
#include <memory>

namespace polytask {
namespace {

constexpr double kSmoothing = 1e-6;  // its square is added under the root

}  // namespace

void PbiOptions::fields(Fields& f) {
  f.field("weights", weights, "the direction of the ray, one number or one for each task; default: equal", above(0));
  f.field("reference", reference, "the losses at the ray's start, one number or one for each task");
  f.field("theta", theta, "what distance from the ray counts against progress along it", at_least(0));
}

void Pbi::setup(const std::vector<TaskInfo>& tasks) {
  const auto names = task_names(tasks);
  direction_.assign(tasks.size(), 1);
  if (!options_.weights.empty()) direction_ = per_task("weights", options_.weights, names);
  reference_ = per_task("reference", options_.reference, names);
}

Weights Pbi::weigh(const LossState& state, bool) {
  check_setup("pbi", direction_.size(), state);
  Weights weights = no_weights(state);
  const auto tasks = present_tasks(state);
  if (tasks.empty()) return weights;
  std::vector<double> ray, off;
  for (size_t t : tasks) ray.push_back(direction_[t]);
  const double length = stable_norm(ray);
  double along = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    ray[i] /= length;
    along += ray[i] * (state.losses[tasks[i]] - reference_[tasks[i]]);
  }
  for (size_t i = 0; i < tasks.size(); ++i)
    off.push_back(state.losses[tasks[i]] - reference_[tasks[i]] - along * ray[i]);
  const double distance = std::hypot(stable_norm(off), kSmoothing);
  for (size_t i = 0; i < tasks.size(); ++i) weights.w[tasks[i]] = ray[i] + options_.theta * (off[i] / distance);
  weights.objective = along + options_.theta * distance;
  return weights;
}

void register_pbi(BalancerRegistry& registry) {
  add_loss_weighting<PbiOptions>(registry, "pbi", "The losses go down along a given ray (PBI)",
                                 "Zhang, Li, MOEA/D, IEEE Transactions on Evolutionary Computation 2007, eq. 4",
                                 [](const PbiOptions& options) { return std::make_unique<Pbi>(options); });
}

}  // namespace polytask
