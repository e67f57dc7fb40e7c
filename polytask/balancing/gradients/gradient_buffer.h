#pragma once
#include <polytask/balancing/gradients/scope.h>
#include <polytask/solvers/matrix.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// The task gradients of some shared parameters: one T × P matrix, allocated once, a row per task.
class GradientBuffer {
 public:
  /// Columns of the parameters in `scope` for which `held` (as long as scope.columns) is true. Keeps what it has where
  /// it fits.
  void lay_out(const GradientScope& scope, const std::vector<char>& held, int64_t tasks);
  void forget_rows();  ///< every row counts as zero again

  /// Column indices (of the scope) that are held, in order.
  const std::vector<size_t>& held() const { return held_; }
  /// Adds factor × gradients to row `task`, one for each held column; undefined ones are zero.
  void add(int64_t task, const std::vector<at::Tensor>& gradients, double factor);
  /// Rows of the tasks, [P] each.
  std::vector<at::Tensor> rows(const std::vector<int64_t>& tasks);
  /// [R, P] of the tasks; the buffer itself, without a copy, where they are all.
  at::Tensor matrix(const std::vector<int64_t>& tasks);
  /// Adds the inner products of the tasks' rows to gram, and those of each block to blocks (where there are any).
  void add_gram(const std::vector<int64_t>& tasks, Matrix& gram, std::vector<Matrix>& blocks);
  /// Adds Σ_r w_r · row to .grad of every held parameter; block_w, where given, takes w's place block by block.
  void combine(const std::vector<int64_t>& tasks, const std::vector<double>& w,
               const std::vector<std::vector<double>>& block_w);
  /// Adds `direction` [P] to .grad of every held parameter.
  void distribute(const at::Tensor& direction);
  int64_t size() const { return size_; }
  /// Of the buffer, in bytes.
  int64_t bytes() const { return grads_.defined() ? grads_.numel() * static_cast<int64_t>(grads_.element_size()) : 0; }

 private:
  struct Slice {
    at::Tensor parameter;
    int64_t begin, size, block;
  };
  void clear_row_if_new(int64_t task);
  at::Tensor part(int64_t task, int64_t begin, int64_t size);

  std::vector<Slice> slices_;
  std::vector<size_t> held_;
  int64_t size_ = 0;
  at::Tensor grads_;           // [T, P]
  std::vector<char> written_;  // [T]
};

/// The parameter's .grad, zeros where it has none yet; contiguous.
at::Tensor gradient_of(const at::Tensor& parameter);

}  // namespace polytask
