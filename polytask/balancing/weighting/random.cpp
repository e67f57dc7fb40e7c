#include <polytask/balancing/weighting/random.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace polytask {
namespace {

std::vector<double> draw_normals(const LossState& state) {
  if (state.draws == nullptr) throw WorkError("random: weighing a training batch needs draws, and none were supplied");
  auto normals = state.draws->normals("balance/random", state.tasks());
  if (normals.size() != state.losses.size())
    throw WorkError("random: {} normals were drawn for {} tasks", normals.size(), state.losses.size());
  return normals;
}

}  // namespace

Weights RandomWeighting::weigh(const LossState& state, bool train) {
  const auto tasks = present_tasks(state);
  const auto z = train ? draw_normals(state) : std::vector<double>(state.losses.size(), 0.0);
  double highest = -std::numeric_limits<double>::infinity(), total = 0;
  for (size_t t : tasks) highest = std::max(highest, z[t]);
  for (size_t t : tasks) total += std::exp(z[t] - highest);
  std::vector<double> w(state.losses.size(), 0.0);
  for (size_t t : tasks) w[t] = std::exp(z[t] - highest) / total;
  return weighted_sum(state, std::move(w));
}

void register_random(BalancerRegistry& registry) {
  add_loss_weighting<NoOptions>(registry, "random", "New random weights for every batch, the softmax of normals (RLW)",
                                "Lin et al., Reasonable Effectiveness of Random Weighting, TMLR 2022",
                                [](const NoOptions&) { return std::make_unique<RandomWeighting>(); });
}

}  // namespace polytask
