#pragma once
#include <polytask/solvers/matrix.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// Σ a_k b_k over k < n.
double dot(const double* a, const double* b, int64_t n);
/// b ← b + factor · a, n entries.
void add_scaled(double factor, const double* a, double* b, int64_t n);
bool all_finite(const Matrix& m);

/// Cholesky factor A = UᵀU of a small symmetric positive definite matrix that grows and shrinks at its end. Allocates
/// in reserve() only.
class UpperFactor {
 public:
  /// Room for [capacity, capacity]; forgets the factor.
  void reserve(int64_t capacity);
  int64_t size() const { return size_; }
  /// Keeps the leading [n, n] block.
  void keep(int64_t n) { size_ = n; }
  /// Row i of the upper triangle (columns i … n−1), to be filled before factor(n).
  double* row(int64_t i) { return u_.row(i); }
  /// Factors the upper triangle written into the rows. False where a pivot is not above floor × its diagonal entry: the
  /// factor is then empty.
  bool factor(int64_t n, double floor);
  /// Appends a row and column: column[k] for k < size(), then its diagonal entry. False, and nothing changed, where the
  /// pivot is not above floor × the diagonal entry. `column` is overwritten.
  bool append(double* column, double diagonal, double floor);
  /// x ← A⁻¹ x.
  void solve(double* x) const;

 private:
  int64_t size_ = 0;
  Matrix u_;
};

}  // namespace polytask
