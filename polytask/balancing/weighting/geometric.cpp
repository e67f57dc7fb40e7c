#include <polytask/balancing/weighting/geometric.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>

#include <cmath>
#include <memory>

namespace polytask {

void GeometricOptions::fields(Fields& f) {
  f.field("epsilon", epsilon, "added to every loss; losses must be above -epsilon", at_least(0));
}

void Geometric::setup(const std::vector<TaskInfo>& tasks) { names_ = task_names(tasks); }

Weights Geometric::weigh(const LossState& state, bool) {
  Weights weights = no_weights(state);
  const auto tasks = present_tasks(state);
  if (tasks.empty()) return weights;
  const double count = static_cast<double>(tasks.size());
  std::vector<double> logs;
  double mean = 0;
  for (size_t t : tasks) {
    logs.push_back(log_loss("geometric", names_, state, t, options_.epsilon));
    mean += logs.back() / count;
  }
  for (size_t i = 0; i < tasks.size(); ++i) weights.w[tasks[i]] = std::exp(mean - logs[i]) / count;
  weights.objective = std::exp(mean);
  return weights;
}

void register_geometric(BalancerRegistry& registry) {
  add_loss_weighting<GeometricOptions>(
      registry, "geometric", "The geometric mean of the losses is minimised (GLS)",
      "Chennupati et al., MultiNet++, CVPR workshops 2019: loss = (Π L_t)^(1/T)",
      [](const GeometricOptions& options) { return std::make_unique<Geometric>(options); });
}

}  // namespace polytask
