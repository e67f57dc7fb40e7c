#include <polytask/solvers/upper_factor.h>

#include <algorithm>
#include <cmath>

namespace polytask {

double dot(const double* a, const double* b, int64_t n) {
  double sums[4] = {0, 0, 0, 0};  // four chains, so that additions need not wait for each other
  int64_t k = 0;
  for (; k + 4 <= n; k += 4)
    for (int64_t lane = 0; lane < 4; ++lane) sums[lane] += a[k + lane] * b[k + lane];
  for (; k < n; ++k) sums[0] += a[k] * b[k];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void add_scaled(double factor, const double* a, double* b, int64_t n) {
  for (int64_t k = 0; k < n; ++k) b[k] += factor * a[k];
}

bool all_finite(const Matrix& m) {
  return std::all_of(m.data(), m.data() + m.rows() * m.cols(), [](double value) { return std::isfinite(value); });
}

void UpperFactor::reserve(int64_t capacity) {
  size_ = 0;
  if (u_.cols() != capacity) u_.resize(capacity, capacity);
}

bool UpperFactor::factor(int64_t n, double floor) {
  size_ = 0;
  for (int64_t k = 0; k < n; ++k) {
    double* pivot_row = u_.row(k);
    const double diagonal = pivot_row[k];
    for (int64_t i = 0; i < k; ++i) add_scaled(-u_(i, k), u_.row(i) + k, pivot_row + k, n - k);
    const double pivot = pivot_row[k];
    if (!(pivot > floor * diagonal)) return false;
    const double root = 1 / std::sqrt(pivot);
    for (int64_t j = k; j < n; ++j) pivot_row[j] *= root;
  }
  size_ = n;
  return true;
}

bool UpperFactor::append(double* column, double diagonal, double floor) {
  double pivot = diagonal;
  for (int64_t k = 0; k < size_; ++k) {
    const double* factor_row = u_.row(k);
    column[k] /= factor_row[k];
    add_scaled(-column[k], factor_row + k + 1, column + k + 1, size_ - k - 1);
    pivot -= column[k] * column[k];
  }
  if (!(pivot > floor * diagonal)) return false;
  for (int64_t k = 0; k < size_; ++k) u_(k, size_) = column[k];
  u_(size_, size_) = std::sqrt(pivot);
  ++size_;
  return true;
}

void UpperFactor::solve(double* x) const {
  for (int64_t k = 0; k < size_; ++k) {
    const double* factor_row = u_.row(k);
    x[k] /= factor_row[k];
    add_scaled(-x[k], factor_row + k + 1, x + k + 1, size_ - k - 1);
  }
  for (int64_t k = size_ - 1; k >= 0; --k) {
    const double* factor_row = u_.row(k);
    x[k] = (x[k] - dot(factor_row + k + 1, x + k + 1, size_ - k - 1)) / factor_row[k];
  }
}

}  // namespace polytask
