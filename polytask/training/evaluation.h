#pragma once
#include <polytask/training/session.h>

#include <string>
#include <vector>

namespace polytask {

/// Losses and metrics of a model on some rows. T objectives: the tasks, then the couplings that are balanced, which
/// have no metrics.
struct Evaluation {
  int64_t rows = 0;
  std::vector<double> losses;                     ///< mean over labelled samples; NaN where a task has none
  std::vector<double> labelled;                   ///< labelled entries behind each mean
  double objective = 0;                           ///< the sum as applied by the balancing method
  Weights weights;                                ///< its weights and learned scales, at these losses
  std::vector<std::vector<MetricValue>> metrics;  ///< [T]
  std::vector<at::Tensor> confusion;              ///< [T], undefined where the task has none
  /// Couplings by name: the value before its weight, mean over the pixels (or samples) that count; NaN where none does.
  std::vector<std::pair<std::string, double>> couplings;
  /// Their counts, added up over the rows; each coupling's in the order of Coupling::figures.
  std::vector<std::vector<std::pair<std::string, double>>> coupling_figures;

  /// The value and direction of "loss", "<task>/loss", "<task>/<metric>" or "<coupling>"; InputError listing what there
  /// is.
  MetricValue find(const std::string& key, const std::vector<std::string>& tasks) const;
};

/// Runs the model in evaluation mode over `rows`. `title` heads the progress bar. Throws Interrupted between batches.
Evaluation evaluate(Session& session, const Dataset& dataset, const std::vector<int64_t>& rows,
                    const std::string& title);

/// The same figures as a tree, for metrics.jsonl and `evaluate --json`:
/// {loss: …, <task>: {loss: …, accuracy: …}}.
Node to_node(const Evaluation& evaluation, const std::vector<std::string>& tasks);

}  // namespace polytask
