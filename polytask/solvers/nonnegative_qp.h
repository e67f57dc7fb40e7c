#pragma once
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/status.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// min ½ yᵀMy − rᵀy over y ≥ 0 for an inner-product matrix M = GGᵀ, by an active-set method: the non-negative least
/// squares of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23), with an updated Cholesky factor.
///
/// It works on unit rows: C = D⁻¹MD⁻¹ with D = diag(‖g_i‖), u = Dy, ρ = D⁻¹r. Nothing then depends on the scale of M or
/// of single rows. Rows of zeros take no part. What M's own rounding leaves open is decided so: a pivot of the factor
/// is at least n·2⁻⁵⁰, so that dependent rows give long finite steps in place of infinite ones, and a row enters only
/// where its violation is more than rounding. A matrix that is not semi-definite to that precision (inner products
/// summed in float) is solved with the least of the ridges 1e-12, 1e-11, … 1e-2 on C that makes it so.
/// Allocates only for a size greater than any before.
class NonnegativeQp {
 public:
  /// Takes M and forgets the last solution. False, with every row left out, where M has a number that is not finite.
  bool set(const Matrix& gram);
  /// Solves for ρ, starting from the last solution of the same M. Residual: the greatest violation of Cu ≥ ρ, with
  /// equality where u > 0, relative to |ρ_i| + Σu; C with its ridge.
  SolverStatus solve(const std::vector<double>& scaled_right);

  int64_t size() const { return size_; }
  /// Up to where uᵀCu / (Σu)² can not be told from 0.
  double noise() const;
  double scale() const { return scale_; }                          ///< the length of the longest row
  const std::vector<double>& lengths() const { return lengths_; }  ///< ‖g_i‖ / scale(); 0 for rows that take no part
  const Matrix& cosines() const { return cosines_; }               ///< C
  const std::vector<double>& values() const { return values_; }    ///< u
  const std::vector<int64_t>& support() const { return support_; }  ///< where u > 0, in no order
  int64_t changes() const { return changes_; }                      ///< of the support, so far
  /// out_S = C_SS⁻¹ v_S over the support; 0 elsewhere.
  void solve_support(const std::vector<double>& v, std::vector<double>& out);

 private:
  SolverStatus run();
  void raise_ridge();
  double pivot_of(int64_t row);
  bool enter(int64_t row);
  void leave(int64_t position);
  void descend();
  void refactor();
  void update_violations();
  double rounding(int64_t row) const;
  int64_t most_violated() const;
  void forward(std::vector<double>& v) const;
  void backward(std::vector<double>& v) const;
  double residual() const;

  int64_t size_ = 0, changes_ = 0;
  bool is_updated_ = false;     // the factor went through removals since it was made
  bool is_indefinite_ = false;  // a pivot was negative beyond rounding
  double scale_ = 0, sum_ = 0, smallest_pivot_ = 0, ridge_ = 0;
  Matrix cosines_, factor_;  // factor_: upper triangular R with RᵀR = C_SS
  std::vector<int64_t> support_, order_;
  std::vector<char> inside_, blocked_;
  std::vector<double> lengths_, values_, right_, violations_;
  std::vector<double> reduced_;          // R⁻ᵀ ρ_S
  std::vector<double> column_, target_;  // work space, by position in the support
};

}  // namespace polytask
