#pragma once
#include <polytask/objectives/task_type.h>

#include <map>
#include <string>
#include <vector>

namespace polytask {

/// Figures of an evaluation by task.
using TaskFigures = std::map<std::string, std::vector<MetricValue>>;

/// How much better than its baseline a multi-task result is, in per cent; positive is better.
struct DeltaM {
  std::map<std::string, double> tasks;
  double mean = 0;  ///< over the tasks
};

/// Δm = 100 % / T Σ_t (−1)^{d_t} (M_t − B_t) / |B_t|, d_t = 1 where lower is better (where nearer 0 is: of |M| and
/// |B|); a task with several figures counts with their mean (Maninis et al. 2019, equation 4; |B| where the paper has
/// B, so that negative baselines such as an R² below 0 keep the sign). `results` decides which figures count. Throws
/// InputError where the baseline lacks a task or figure of the results, or a task has no figure. NaN where a baseline
/// is 0.
DeltaM delta_m(const TaskFigures& results, const TaskFigures& baseline);

}  // namespace polytask
