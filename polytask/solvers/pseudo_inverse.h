#pragma once
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/symmetric_eigen.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// x = A⁺ b for a small symmetric matrix: eigenvalues with |λ| ≤ tolerance · n · ε · max|λ| count as zero, ε = 2⁻⁵².
class PseudoInverse {
 public:
  /// False where the eigenvalues could not be computed; x is then 0.
  bool solve(const Matrix& a, const std::vector<double>& b, double tolerance, std::vector<double>& x);
  int64_t rank() const { return rank_; }
  /// The part of b in the range of A, relative: ‖A A⁺ b‖ / ‖b‖, 0 for b = 0.
  double covered() const { return covered_; }

 private:
  SymmetricEigen eigen_;
  int64_t rank_ = 0;
  double covered_ = 0;
};

}  // namespace polytask
