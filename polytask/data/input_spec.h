#pragma once
#include <polytask/core/node.h>
#include <polytask/core/tensors.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// A column of a table that is an input.
struct InputColumn {
  std::string name;
  std::vector<std::string> categories;  ///< empty: a number; otherwise raw values are indices into this, −1 = other
  bool categorical = false;
};

/// What one sample of one input looks like before preprocessing. It is stored in checkpoints, so that a run can read
/// new files without its training data.
struct InputSpec {
  std::string name;                  ///< "image", "features"
  std::vector<int64_t> shape;        ///< raw, without batch: [C, H, W] or [columns]
  std::vector<InputColumn> columns;  ///< for tables, one per raw column
  bool is_image() const { return shape.size() == 3; }

  Node to_node() const;
  static InputSpec from_node(const Node& node);
};

/// Turns raw samples into what the model sees, with figures fitted on the training split. Only tensor operations, so
/// that export can trace it.
///   images: (x·scale − mean_c) / std_c; a missing pixel (NaN) is the mean (0)
///   tables: numbers standardised, a missing number is the mean (0) and, where training rows had missing ones too, sets
///   an
///           indicator column; categories one-hot, unknown ones all zero
class Preprocess {
 public:
  Preprocess() = default;
  /// `tensors` as `state()` gave them. Throws InputError where they do not fit the spec.
  Preprocess(InputSpec spec, NamedTensors tensors);
  const InputSpec& spec() const { return spec_; }
  std::vector<int64_t> output_shape() const;  ///< without batch
  /// [B, …] of any dtype → float32 on the same device. InputError where the shape is not the spec's.
  at::Tensor apply(const at::Tensor& raw) const;
  NamedTensors state() const { return tensors_; }
  Preprocess to(const at::Device& device) const;

  /// Channel statistics in the units after `scale` (0…1 for photographs).
  static Preprocess for_images(InputSpec spec, double scale, const std::vector<double>& mean,
                               const std::vector<double>& std);
  /// Fits means and (population) standard deviations on raw training rows [N, columns] (NaN = missing); a constant
  /// column has standard deviation 1. standardise = false keeps units; a missing number is the mean then too. Output
  /// columns: the numbers, the indicators, then every category of every categorical column.
  static Preprocess for_table(InputSpec spec, const at::Tensor& raw, bool standardise);

 private:
  at::Tensor apply_image(const at::Tensor& raw) const;
  at::Tensor apply_table(const at::Tensor& raw) const;

  InputSpec spec_;
  NamedTensors tensors_;
  NamedTensors derived_;  // what apply() computes with, made of the two
};

}  // namespace polytask
