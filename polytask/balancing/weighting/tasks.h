#pragma once
#include <polytask/balancing/method.h>

#include <cstddef>
#include <string>
#include <vector>

namespace polytask {

/// Indices of the tasks that take part in a step, ascending. WorkError where `present` does not fit `losses`.
std::vector<size_t> present_tasks(const LossState& state);

/// T weights of 0, to be filled in for the present tasks.
Weights no_weights(const LossState& state);

/// Weights given; the objective is Σ w_t L_t over the present tasks.
Weights weighted_sum(const LossState& state, std::vector<double> w);

std::vector<std::string> task_names(const std::vector<TaskInfo>& tasks);

/// `task "depth"`, or `task 2` where setup() named no such task.
std::string task_text(const std::vector<std::string>& names, size_t task);

/// WorkError unless `setup()` was given as many tasks as there are losses.
void check_setup(const std::string& method, size_t known, const LossState& state);

/// log(L_t + epsilon). WorkError naming method, task and step where L_t + epsilon is not above 0.
double log_loss(const std::string& method, const std::vector<std::string>& names, const LossState& state, size_t task,
                double epsilon);

}  // namespace polytask
