#include <polytask/balancing/gram/preference.h>
#include <polytask/core/error.h>
#include <polytask/core/options.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace polytask {

Preference::Preference(const std::string& method, std::vector<double> given)
    : method_(method), given_(std::move(given)) {
  for (double value : given_)
    if (!std::isfinite(value) || value < 0)
      throw InputError("balancing.preference: {} is no preference: give numbers ≥ 0, one for each task",
                       number_text(value));
  if (!given_.empty() && *std::max_element(given_.begin(), given_.end()) == 0)
    throw InputError("balancing.preference: every entry is 0, so {} would make no step", method_);
}

void Preference::setup(const std::vector<TaskInfo>& tasks) const {
  if (!given_.empty() && given_.size() != tasks.size())
    throw InputError("balancing.preference: {} entries for {} tasks: give one number for each task, or none",
                     given_.size(), tasks.size());
}

std::vector<double> Preference::of(const std::vector<int64_t>& tasks, double fallback) const {
  if (!given()) return std::vector<double>(tasks.size(), fallback);
  std::vector<double> values;
  for (int64_t task : tasks) {
    if (static_cast<size_t>(task) >= given_.size())
      throw WorkError("{}: a row of task {}, but preferences of {} tasks", method_, task, given_.size());
    values.push_back(given_[static_cast<size_t>(task)]);
  }
  return values;
}

}  // namespace polytask
