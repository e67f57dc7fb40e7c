#include <polytask/solvers/symmetric_eigen.h>

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

namespace polytask {

struct SymmetricEigen::Work {
  Eigen::MatrixXd a;
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
};

SymmetricEigen::SymmetricEigen() : work_(std::make_unique<Work>()) {}
SymmetricEigen::~SymmetricEigen() = default;
SymmetricEigen::SymmetricEigen(SymmetricEigen&&) noexcept = default;
SymmetricEigen& SymmetricEigen::operator=(SymmetricEigen&&) noexcept = default;

bool SymmetricEigen::compute(const Matrix& a) {
  const int64_t n = a.rows();
  values_.assign(static_cast<size_t>(n), 0.0);
  vectors_.resize(n, n);
  work_->a.resize(n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) work_->a(i, j) = a(i, j);
  const bool finite = work_->a.allFinite();
  if (finite) work_->solver.compute(work_->a);
  if (!finite || work_->solver.info() != Eigen::Success) {
    for (int64_t i = 0; i < n; ++i) vectors_(i, i) = 1;
    return false;
  }
  for (int64_t k = 0; k < n; ++k) {
    values_[static_cast<size_t>(k)] = work_->solver.eigenvalues()[k];
    for (int64_t i = 0; i < n; ++i) vectors_(i, k) = work_->solver.eigenvectors()(i, k);
  }
  return true;
}

}  // namespace polytask
