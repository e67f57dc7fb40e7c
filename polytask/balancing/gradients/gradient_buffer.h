#pragma once
#include <polytask/balancing/gradients/scope.h>
#include <polytask/solvers/matrix.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// The task gradients of some shared parameters: T × P numbers. A gradient that autograd has just made is kept as it
/// is; rows that must be contiguous, or that are summed over several batches, lie in one matrix that is allocated once.
class GradientBuffer {
 public:
  /// Columns of the parameters in `scope` for which `held` (as long as scope.columns) is true; every row is zero again.
  /// `contiguous`: matrix() and rows of all parameters together are wanted.
  void lay_out(const GradientScope& scope, const std::vector<char>& held, int64_t tasks, bool contiguous);
  /// Lets go of the gradients that were kept.
  void release();

  /// Column indices (of the scope) that are held, in order.
  const std::vector<size_t>& held() const { return held_; }
  /// Adds factor × gradients to row `task`, one for each held column; undefined ones are zero.
  void add(int64_t task, const std::vector<at::Tensor>& gradients, double factor);
  /// [R, P] of the tasks; the matrix itself, without a copy, where they are all. Only where laid out `contiguous`.
  at::Tensor matrix(const std::vector<int64_t>& tasks);
  /// Adds the inner products of the tasks' rows to gram, and those of each block to blocks (where there are any).
  void add_gram(const std::vector<int64_t>& tasks, Matrix& gram, std::vector<Matrix>& blocks);
  /// Adds Σ_r w_r · row to .grad of every held parameter; block_w, where given, takes w's place block by block.
  void combine(const std::vector<int64_t>& tasks, const std::vector<double>& w,
               const std::vector<std::vector<double>>& block_w);
  /// Adds `direction` [P] to .grad of every held parameter.
  void distribute(const at::Tensor& direction);
  /// Of the task gradients held now, in bytes.
  int64_t bytes() const;

 private:
  struct Slice {
    at::Tensor parameter;
    int64_t begin, size, block;
  };
  bool can_keep(const at::Tensor& gradient, const Slice& slice, double factor) const;
  bool is_reached(const std::vector<int64_t>& tasks, size_t slice) const;
  at::Tensor place_in_matrix(int64_t task, const Slice& slice);
  std::vector<at::Tensor> parts(const std::vector<int64_t>& tasks, size_t slice);

  std::vector<Slice> slices_;
  std::vector<size_t> held_;
  int64_t size_ = 0, tasks_ = 0;
  bool contiguous_ = false;
  at::Tensor matrix_;                          // [T, P], where it is needed
  std::vector<std::vector<at::Tensor>> rows_;  // [task][slice], flat; undefined: nothing was added yet
};

/// The parameter's .grad, zeros where it has none yet; contiguous.
at::Tensor gradient_of(const at::Tensor& parameter);

}  // namespace polytask
