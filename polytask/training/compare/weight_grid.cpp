#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/core/suggest.h>
#include <polytask/training/compare/weight_grid.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polytask {
namespace {

constexpr size_t kTasksWithTwoFactors = 4;

WeightPoint raised(size_t task, double factor, size_t tasks) {
  std::vector<double> weights(tasks, 1.0);
  weights[task] = factor;
  WeightPoint point{fmt::format("{}", fmt::join(weights, ":")), weights};
  for (double& weight : point.weights) weight *= static_cast<double>(tasks) / (static_cast<double>(tasks - 1) + factor);
  return point;
}

double weight_of(const Node& node) {
  const double weight = number_of(node);
  if (!std::isfinite(weight) || weight < 0)
    throw InputError("{}: {} is no weight: it must be a finite number ≥ 0", node.where(), number_text(weight));
  return weight;
}

std::vector<double> listed_weights(const Node& node, const std::vector<std::string>& tasks) {
  std::vector<double> weights;
  for (const auto& item : node.items()) weights.push_back(weight_of(item));
  for (const auto& [key, value] : node.entries())
    if (std::find(tasks.begin(), tasks.end(), key) == tasks.end())
      throw InputError("{}: there is no task \"{}\"{}", value.where(), key, did_you_mean(key, tasks));
  if (node.is_map())
    for (const auto& task : tasks)
      if (const Node* value = node.find(task)) weights.push_back(weight_of(*value));
  if (weights.size() != tasks.size())
    throw InputError("{}: {} weights for {} tasks ({}): give one for each", node.where(), weights.size(), tasks.size(),
                     fmt::join(tasks, ", "));
  if (std::all_of(weights.begin(), weights.end(), [](double w) { return w == 0; }))
    throw InputError("{}: every weight is 0, so nothing would be trained", node.where());
  return weights;
}

bool is_equal_weights(const std::vector<double>& weights) {
  return std::all_of(weights.begin(), weights.end(), [](double w) { return w == 1; });
}

}  // namespace

std::vector<WeightPoint> weight_grid(const Node& listed, const std::vector<std::string>& tasks) {
  std::vector<WeightPoint> points;
  if (listed.is_null()) {
    for (const double factor : {2.0, 4.0})
      for (size_t t = 0; t < tasks.size(); ++t)
        if (factor > 2 || tasks.size() <= kTasksWithTwoFactors) points.push_back(raised(t, factor, tasks.size()));
    return points;
  }
  if (!listed.is_sequence()) throw InputError("{}: expected a list of weights", listed.where());
  for (const auto& item : listed.items()) {
    const auto weights = listed_weights(item, tasks);
    if (!is_equal_weights(weights)) points.push_back({fmt::format("{}", fmt::join(weights, ":")), weights});
  }
  return points;
}

}  // namespace polytask
