#pragma once
#include <polytask/core/node.h>
#include <polytask/data/targets.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// A task's training labels: rows of `targets`, with a mask that is always there.
struct TrainLabels {
  at::Tensor values;  ///< [n] or [n, K]
  at::Tensor valid;   ///< bool, same shape
};
TrainLabels train_labels(const Targets& targets, const std::vector<int64_t>& rows);

/// Throws InputError unless every column of valid [n, K] (or valid [n]) has a labelled sample. `names`: one per column.
void require_labels(const std::string& task, const at::Tensor& valid, const std::vector<std::string>& names);

/// Throws InputError, with the shapes, unless output is [B, width], target [B] (`columns` 0) or [B, columns], and valid
/// undefined or of target's shape.
void check_shapes(const std::string& task, const at::Tensor& output, int64_t width, const at::Tensor& target,
                  int64_t columns, const at::Tensor& valid);

/// Mean of the labelled entries of `values`, whose shape is valid's; NaN where nothing is labelled. Waits for the
/// device.
double labelled_mean(const at::Tensor& values, const at::Tensor& valid);
/// The value in [0, 1] that is nearest; 0 for NaN.
double unit_interval(double value);

// Lists of a task's state. Reading throws InputError where the key is missing or holds something else.
Node numbers_node(const std::vector<double>& values);
Node texts_node(const std::vector<std::string>& values);
std::vector<double> numbers_of(const std::string& task, const Node& state, const std::string& key);
std::vector<std::string> texts_of(const std::string& task, const Node& state, const std::string& key);

}  // namespace polytask
