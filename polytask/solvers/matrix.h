#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace polytask {

/// A small dense matrix of doubles, row-major. `resize` to a size it once had allocates nothing.
class Matrix {
 public:
  Matrix() = default;
  Matrix(int64_t rows, int64_t cols, double value = 0) { resize(rows, cols, value); }

  void resize(int64_t rows, int64_t cols, double value = 0) {
    rows_ = rows;
    cols_ = cols;
    values_.assign(static_cast<size_t>(rows * cols), value);
  }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  double& operator()(int64_t i, int64_t j) { return values_[static_cast<size_t>(i * cols_ + j)]; }
  double operator()(int64_t i, int64_t j) const { return values_[static_cast<size_t>(i * cols_ + j)]; }
  double* row(int64_t i) { return values_.data() + i * cols_; }
  const double* row(int64_t i) const { return values_.data() + i * cols_; }
  double* data() { return values_.data(); }
  const double* data() const { return values_.data(); }

 private:
  int64_t rows_ = 0, cols_ = 0;
  std::vector<double> values_;
};

}  // namespace polytask
