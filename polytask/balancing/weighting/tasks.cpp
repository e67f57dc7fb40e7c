#include <polytask/balancing/weighting/tasks.h>
#include <polytask/core/error.h>

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace polytask {

std::vector<size_t> present_tasks(const LossState& state) {
  if (state.present.size() != state.losses.size())
    throw WorkError("balancing: {} losses, but {} marks of which are present", state.losses.size(),
                    state.present.size());
  std::vector<size_t> tasks;
  for (size_t t = 0; t < state.losses.size(); ++t)
    if (state.present[t]) tasks.push_back(t);
  return tasks;
}

Weights no_weights(const LossState& state) {
  Weights weights;
  weights.w.assign(state.losses.size(), 0.0);
  return weights;
}

Weights weighted_sum(const LossState& state, std::vector<double> w) {
  Weights weights;
  weights.w = std::move(w);
  for (size_t t : present_tasks(state)) weights.objective += weights.w[t] * state.losses[t];
  return weights;
}

std::vector<std::string> task_names(const std::vector<TaskInfo>& tasks) {
  std::vector<std::string> names;
  for (const TaskInfo& task : tasks) names.push_back(task.name);
  return names;
}

std::string task_text(const std::vector<std::string>& names, size_t task) {
  return task < names.size() ? fmt::format("task \"{}\"", names[task]) : fmt::format("task {}", task);
}

void check_setup(const std::string& method, size_t known, const LossState& state) {
  if (known != state.losses.size())
    throw WorkError("{}: {} losses, but setup() was given {} tasks", method, state.losses.size(), known);
}

double log_loss(const std::string& method, const std::vector<std::string>& names, const LossState& state, size_t task,
                double epsilon) {
  const double shifted = state.losses[task] + epsilon;
  if (!(shifted > 0))
    throw WorkError(
        "{}: the loss of {} is {} in step {}, and its logarithm needs a value above 0: choose a loss that stays "
        "positive, or set `epsilon`, which is added to every loss (now {})",
        method, task_text(names, task), state.losses[task], state.step, epsilon);
  return std::log(shifted);
}

}  // namespace polytask
