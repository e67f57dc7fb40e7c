#include <polytask/core/error.h>
#include <polytask/objectives/delta_m.h>
#include <polytask/objectives/direction.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

double improvement(const MetricValue& result, double baseline) {
  if (baseline == 0) return std::numeric_limits<double>::quiet_NaN();
  const double sign = result.direction == Direction::higher_is_better ? 1 : -1;
  const double gain = judged_value(result.value, result.direction) - judged_value(baseline, result.direction);
  return 100 * sign * gain / std::abs(baseline);
}

double baseline_of(const std::string& task, const std::string& figure, const std::vector<MetricValue>& baseline) {
  const auto it =
      std::find_if(baseline.begin(), baseline.end(), [&](const auto& value) { return value.name == figure; });
  if (it == baseline.end()) throw InputError("the baseline of task \"{}\" has no \"{}\"", task, figure);
  return it->value;
}

}  // namespace

DeltaM delta_m(const TaskFigures& results, const TaskFigures& baseline) {
  if (results.empty()) throw InputError("no task to compare with a baseline");
  DeltaM delta;
  for (const auto& [task, figures] : results) {
    const auto known = baseline.find(task);
    if (known == baseline.end()) throw InputError("the baseline has no task \"{}\"", task);
    if (figures.empty()) throw InputError("task \"{}\" has no figure to compare with its baseline", task);
    double sum = 0;
    for (const auto& figure : figures) sum += improvement(figure, baseline_of(task, figure.name, known->second));
    delta.tasks[task] = sum / static_cast<double>(figures.size());
    delta.mean += delta.tasks[task] / static_cast<double>(results.size());
  }
  return delta;
}

}  // namespace polytask
