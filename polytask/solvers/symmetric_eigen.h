#pragma once
#include <polytask/solvers/matrix.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace polytask {

/// A = V Λ Vᵀ of a small symmetric matrix, by tridiagonal QR: every eigenvalue is right to a few ε·max|λ|. Only the
/// lower triangle is read. A matrix that is not finite gives `false`, zeros and the identity.
class SymmetricEigen {
 public:
  SymmetricEigen();
  ~SymmetricEigen();
  SymmetricEigen(SymmetricEigen&&) noexcept;
  SymmetricEigen& operator=(SymmetricEigen&&) noexcept;

  /// False where the iteration did not converge.
  bool compute(const Matrix& a);
  const std::vector<double>& values() const { return values_; }  ///< [n] ascending
  const Matrix& vectors() const { return vectors_; }             ///< [n, n], column k belongs to values()[k]

 private:
  struct Work;
  std::unique_ptr<Work> work_;
  std::vector<double> values_;
  Matrix vectors_;
};

}  // namespace polytask
