#pragma once
#include <polytask/training/compare/member_result.h>
#include <polytask/training/compare/plan.h>
#include <polytask/training/compare/statistics.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// One figure of a row, a value for each seed (NaN where that training is not finished).
struct ComparedFigure {
  std::string task;
  MetricValue figure;  ///< name, direction, unit; the value is the mean
  std::vector<double> values;
  MeanInterval spread;
};

/// A line of the table.
struct ComparedRow {
  enum class Kind { single, method, tuned };
  Kind kind = Kind::method;
  size_t planned = 0;  ///< the plan's row whose trainings it shows; the tuned row may share them with another
  std::string architecture, method;
  std::string problem;                       ///< "" or "refused: …", "failed: …"
  std::vector<ComparedFigure> figures;       ///< by task, in the order of the tasks; then values of couplings
  std::vector<double> delta;                 ///< [seeds] Δm against the same seed's single-task models, per cent
  MeanInterval delta_spread;                 ///< of them
  std::map<std::string, double> task_delta;  ///< mean over seeds, per cent
  double delta_p = 1;  ///< of a true Δm of 0, after Holm's correction over the rows; NaN where Δm lacks a seed
  MeanInterval against_tuned;          ///< of the differences to the tuned row, seed by seed
  double against_tuned_p = 1;          ///< after Holm's correction over the rows; NaN where a seed is missing
  double step_ms = 0, memory_mib = 0;  ///< single: sum over tasks, highest of them; NaN where none is finished
  int64_t parameters = 0;              ///< single: sum over tasks; 0 where no training is finished
};

/// Constant weights that were tried: what validation rows said.
struct TriedWeights {
  std::string label;
  double delta = 0;  ///< mean Δm over the seeds on validation rows; NaN where a training is not finished
  bool chosen = false;
};

struct Comparison {
  std::string name;
  std::vector<std::string> tasks;
  std::vector<uint64_t> seeds;
  std::map<std::string, std::string> metrics;  ///< what counts in Δm, by task
  std::string split;  ///< "test", or "validation" where there are no test rows; "" where no row has all figures
  std::vector<ComparedRow> rows;
  std::vector<TriedWeights> tried;
  std::string untuned;  ///< why there is no tuned row, ""
};

/// The metric of every task that counts in Δm: the one asked for, or by the task's type. `figures` are those of the
/// single-task models. InputError where a task has no such metric.
std::map<std::string, std::string> counting_metrics(const ComparePlan& plan, const TaskFigures& figures);

/// Mean Δm on validation rows of every candidate for the tuned row; the highest is chosen (the first of equals), where
/// there is one whose every training is finished and that has validation figures. Looks at no test figure.
std::vector<TriedWeights> try_weights(const ComparePlan& plan, const std::vector<MemberResult>& results);

/// The whole comparison. `results` belong to `plan.members`; the tuned row is the chosen one of `tried`.
Comparison summarise(const ComparePlan& plan, const std::vector<MemberResult>& results,
                     const std::vector<TriedWeights>& tried);

}  // namespace polytask
