#pragma once
#include <polytask/balancing/gram_weighting.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// The task gradients of one step. R rows: the tasks present, in their order; P columns.
struct GradientRows {
  std::vector<at::Tensor> samples;  ///< [R, P] each, contiguous, without graph: one for each independent batch
  /// The features' values, P elements: [B, …] where the representation is one tensor, flat where it has several levels.
  /// Defined where `scope: representation`.
  at::Tensor representation;
  std::vector<int64_t> tasks;  ///< [R] the task of every row
  std::vector<double> losses;  ///< [R]
  int64_t task_count = 0;      ///< T
  const at::Tensor& grads() const { return samples.front(); }
  int64_t rows() const { return static_cast<int64_t>(tasks.size()); }
  int64_t columns() const { return samples.front().size(1); }
};

/// What a combiner gives: either weights only (the step is then Gᵀw of the last sample), or a direction of its own.
class GradientCombiner : public BalancingMethod {
 public:
  virtual HeadGradient heads() const { return HeadGradient::own; }
  /// True: `combine` fills `direction`, so the gradient must be taken over all shared parameters (or the
  /// representation), and scopes of single layers are refused. False: it gives weights.
  virtual bool makes_direction() const { return true; }
  /// False: rows must be gradients of parameters, which are the same columns in every step (methods that keep T × P
  /// state, or compare batches).
  virtual bool supports_representation() const { return true; }
  /// True: the method keeps something for every column from step to step, so which parameters are trained must not
  /// change during a run.
  virtual bool keeps_columns() const { return false; }
  /// Fills `direction` [P] (defined, zeros, dtype of the rows) where makes_direction(). `w` of the result is what is
  /// logged: dLoss/dL_t where the direction has such weights, the nearest thing to it else (say which).
  virtual GramWeights combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) = 0;
};

}  // namespace polytask
