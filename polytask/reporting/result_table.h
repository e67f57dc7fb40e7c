#pragma once
#include <polytask/training/trainer.h>

#include <string>
#include <vector>

namespace polytask {

/// One figure a row: task, metric, its value on each given split, in the target's unit. `columns` name the evaluations
/// (a null one is left out).
std::string metrics_table(const std::vector<std::string>& tasks, const std::vector<std::string>& columns,
                          const std::vector<const Evaluation*>& evaluations);

/// Task, loss, applied weight and the method's learned figures (σ² of uncertainty weighting …) at an evaluation's
/// losses.
std::string weights_table(const std::vector<std::string>& tasks, const Evaluation& evaluation);

/// Rows: true class, columns: predicted. "" where the task has no confusion matrix.
std::string confusion_table(const at::Tensor& confusion, const std::vector<std::string>& classes);

}  // namespace polytask
