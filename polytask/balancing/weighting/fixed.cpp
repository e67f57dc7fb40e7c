#include <polytask/balancing/weighting/fixed.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

namespace polytask {
namespace {

double weight_of(const Node& node) {
  const double weight = number_of(node);
  if (!std::isfinite(weight) || weight < 0)
    throw InputError("{}: {} is no weight: it must be a finite number ≥ 0", node.where(), number_text(weight));
  return weight;
}

std::vector<double> weights_from_list(const Node& list, const std::vector<std::string>& names) {
  if (list.items().size() != names.size())
    throw InputError("{}: {} weights for {} tasks ({}): give one for each", list.where(), list.items().size(),
                     names.size(), fmt::join(names, ", "));
  std::vector<double> weights;
  for (const Node& item : list.items()) weights.push_back(weight_of(item));
  return weights;
}

std::vector<double> weights_from_map(const Node& map, const std::vector<std::string>& names) {
  for (const auto& [key, value] : map.entries())
    if (std::find(names.begin(), names.end(), key) == names.end())
      throw InputError("{}: there is no task \"{}\"{}", value.where(), key, did_you_mean(key, names));
  std::vector<double> weights;
  for (const std::string& name : names) {
    const Node* value = map.find(name);
    if (value == nullptr)
      throw InputError("{}: task \"{}\" has no weight: every task must be named ({})", map.where(), name,
                       fmt::join(names, ", "));
    weights.push_back(weight_of(*value));
  }
  return weights;
}

}  // namespace

void FixedOptions::fields(Fields& f) {
  f.field("weights", weights, "a number ≥ 0 for every task: a map {task: number}, or a list in the order of the tasks",
          required());
}

void Fixed::setup(const std::vector<TaskInfo>& tasks) {
  const Node& node = options_.weights;
  if (!node.is_map() && !node.is_sequence())
    throw InputError("{}: expected a map {{task: number}} or a list of numbers", node.where());
  const auto names = task_names(tasks);
  w_ = node.is_map() ? weights_from_map(node, names) : weights_from_list(node, names);
  if (std::all_of(w_.begin(), w_.end(), [](double w) { return w == 0; }))
    throw InputError("{}: every weight is 0, so nothing would be trained: at least one must be above 0", node.where());
}

Weights Fixed::weigh(const LossState& state, bool) {
  check_setup("fixed", w_.size(), state);
  std::vector<double> w(w_.size(), 0.0);
  for (size_t t : present_tasks(state)) w[t] = w_[t];
  return weighted_sum(state, std::move(w));
}

void register_fixed(BalancerRegistry& registry) {
  add_loss_weighting<FixedOptions>(registry, "fixed", "Constant weights given in the configuration", "w_t = c_t",
                                   [](const FixedOptions& options) { return std::make_unique<Fixed>(options); });
}

}  // namespace polytask
