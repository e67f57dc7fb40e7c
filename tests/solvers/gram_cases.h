#pragma once
#include <polytask/core/random.h>
#include <polytask/solvers/matrix.h>

#include <rapidcheck.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// Rows of a random matrix, and what the solvers of Gram matrices must cope with.
struct RowsCase {
  int64_t rows = 1, columns = 1, rank = 1;
  double row_decades = 0;  ///< every row is scaled by 10^u, u uniform in ±row_decades
  double decade = 0;       ///< the whole is scaled by 10^decade
  bool has_duplicate = false, has_opposite = false, has_zero = false;
  uint64_t seed = 0;
};

inline std::vector<std::vector<double>> make_rows(const RowsCase& given) {
  Random random(given.seed, "rows");
  std::vector<std::vector<double>> basis(static_cast<size_t>(given.rank)), rows(static_cast<size_t>(given.rows));
  for (auto& vector : basis)
    for (int64_t k = 0; k < given.columns; ++k) vector.push_back(random.normal());
  for (auto& row : rows) {
    row.assign(static_cast<size_t>(given.columns), 0);
    for (const auto& vector : basis) {
      const double part = random.normal();
      for (size_t k = 0; k < row.size(); ++k) row[k] += part * vector[k];
    }
    const double scale = std::pow(10.0, given.decade + given.row_decades * (2 * random.uniform() - 1));
    for (double& value : row) value *= scale;
  }
  if (given.has_duplicate && rows.size() > 1) rows[1] = rows[0];
  if (given.has_opposite && rows.size() > 2)
    for (size_t k = 0; k < rows[2].size(); ++k) rows[2][k] = -rows[0][k];
  if (given.has_zero) rows.back().assign(rows.back().size(), 0.0);
  return rows;
}

inline Matrix gram_of(const std::vector<std::vector<double>>& rows) {
  const auto count = static_cast<int64_t>(rows.size());
  Matrix gram(count, count);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t j = 0; j < count; ++j) {
      long double sum = 0;
      const auto &left = rows[static_cast<size_t>(i)], &right = rows[static_cast<size_t>(j)];
      for (size_t k = 0; k < left.size(); ++k) sum += static_cast<long double>(left[k]) * right[k];
      gram(i, j) = static_cast<double>(sum);
    }
  return gram;
}

/// T up to 40, any rank, scales to 1e±10 of the rows and of the whole.
inline RowsCase any_rows(int most_rows = 40) {
  RowsCase given;
  given.rows = *rc::gen::inRange<int64_t>(1, most_rows + 1);
  given.columns = *rc::gen::inRange<int64_t>(1, 51);
  given.rank = *rc::gen::inRange<int64_t>(1, given.columns + 1);
  given.row_decades = *rc::gen::element(0.0, 0.0, 1.0, 3.0, 10.0);
  given.decade = *rc::gen::element(0.0, 0.0, -10.0, 10.0);
  given.has_duplicate = *rc::gen::inRange(0, 4) == 0;
  given.has_opposite = *rc::gen::inRange(0, 4) == 0;
  given.has_zero = *rc::gen::inRange(0, 6) == 0;
  given.seed = *rc::gen::inRange<uint64_t>(0, 1u << 30);
  return given;
}

inline void show_rows(const RowsCase& given) {
  RC_LOG() << given.rows << " x " << given.columns << ", rank " << given.rank << ", row decades " << given.row_decades
           << ", decade " << given.decade << ", duplicate " << given.has_duplicate << ", opposite "
           << given.has_opposite << ", zero " << given.has_zero << ", seed " << given.seed << "\n";
}

/// Mx, summed in long double.
inline std::vector<double> product_of(const Matrix& matrix, const std::vector<double>& x) {
  std::vector<double> product;
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    long double sum = 0;
    for (int64_t j = 0; j < matrix.cols(); ++j)
      sum += static_cast<long double>(matrix(i, j)) * x[static_cast<size_t>(j)];
    product.push_back(static_cast<double>(sum));
  }
  return product;
}

inline double inner(const std::vector<double>& a, const std::vector<double>& b) {
  long double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<long double>(a[i]) * b[i];
  return static_cast<double>(sum);
}

/// The lengths of the rows.
inline std::vector<double> lengths_of(const Matrix& gram) {
  std::vector<double> lengths;
  for (int64_t i = 0; i < gram.rows(); ++i) lengths.push_back(std::sqrt(gram(i, i)));
  return lengths;
}

}  // namespace polytask
