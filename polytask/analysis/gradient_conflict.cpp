#include <polytask/analysis/gradient_conflict.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>

namespace polytask {
namespace {

constexpr int64_t kMaxSweeps = 60;

// M = D C D with D = diag(‖g‖); the columns of D · (Cholesky factor of C), as rows of the result. C has a unit
// diagonal, so that the end of the rank shows whatever the lengths of the rows are.
Matrix gradient_factor(const Matrix& gram, const Matrix& cosine, const std::vector<double>& norms) {
  const int64_t n = gram.rows();
  const double rounding = static_cast<double>(8 * n) * std::numeric_limits<double>::epsilon();
  Matrix rest = cosine, columns;
  std::vector<std::vector<double>> found;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = -1;
    double largest = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double left = rest(i, i) > rounding ? rest(i, i) * gram(i, i) : 0;
      if (left > largest) {
        largest = left;
        pivot = i;
      }
    }
    if (pivot < 0) break;
    const double root = std::sqrt(rest(pivot, pivot));
    std::vector<double> column(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) column[static_cast<size_t>(i)] = rest(i, pivot) / root;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) rest(i, j) -= column[static_cast<size_t>(i)] * column[static_cast<size_t>(j)];
    for (int64_t i = 0; i < n; ++i) rest(i, pivot) = rest(pivot, i) = 0;
    found.push_back(std::move(column));
  }
  columns.resize(static_cast<int64_t>(found.size()), n);
  for (size_t k = 0; k < found.size(); ++k)
    for (int64_t i = 0; i < n; ++i)
      columns(static_cast<int64_t>(k), i) = found[k][static_cast<size_t>(i)] * norms[static_cast<size_t>(i)];
  return columns;
}

double inner(const Matrix& rows, int64_t i, int64_t j) {
  return std::inner_product(rows.row(i), rows.row(i) + rows.cols(), rows.row(j), 0.0);
}

// Rotates two rows until they are orthogonal; false where they were.
bool rotate(Matrix& rows, int64_t i, int64_t j) {
  const double a = inner(rows, i, i), b = inner(rows, j, j), c = inner(rows, i, j);
  if (std::abs(c) <= std::numeric_limits<double>::epsilon() * std::sqrt(a) * std::sqrt(b)) return false;
  const double zeta = (b - a) / (2 * c);
  const double tangent = std::copysign(1.0, zeta) / (std::abs(zeta) + std::hypot(1.0, zeta));
  const double cosine = 1 / std::hypot(1.0, tangent), sine = cosine * tangent;
  for (int64_t p = 0; p < rows.cols(); ++p) {
    const double x = rows(i, p), y = rows(j, p);
    rows(i, p) = cosine * x - sine * y;
    rows(j, p) = sine * x + cosine * y;
  }
  return true;
}

std::vector<double> singular_values(Matrix rows, int64_t count) {
  bool turned = true;
  for (int64_t sweep = 0; turned && sweep < kMaxSweeps; ++sweep) {
    turned = false;
    for (int64_t i = 0; i < rows.rows(); ++i)
      for (int64_t j = i + 1; j < rows.rows(); ++j) turned = rotate(rows, i, j) || turned;
  }
  std::vector<double> values(static_cast<size_t>(count), 0.0);
  for (int64_t i = 0; i < rows.rows(); ++i) values[static_cast<size_t>(i)] = std::sqrt(inner(rows, i, i));
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

void check(const Matrix& gram) {
  if (gram.rows() != gram.cols())
    throw WorkError("gradient conflict: M is {} × {}, but must be square", gram.rows(), gram.cols());
  for (int64_t i = 0; i < gram.rows() * gram.cols(); ++i)
    if (!std::isfinite(gram.data()[i])) throw WorkError("gradient conflict: M has entries that are not finite");
}

// The measures of one pair, from the two lengths and their cosine.
double similarity_of(double a, double b) {
  const double larger = std::max(a, b), ratio = larger > 0 ? std::min(a, b) / larger : 1;
  return 2 * ratio / (1 + ratio * ratio);
}

double curvature_of(double a, double b, double cosine) {
  const double larger = std::max(a, b);
  if (larger == 0) return 0;
  const double ratio = std::min(a, b) / larger, squares = 1 + ratio * ratio, product = 2 * ratio * cosine;
  const double sum = squares + product;
  if (sum <= 0) return 4;
  return std::max(0.0, (1 - cosine) * (1 + cosine)) * (squares - product) / sum;
}

}  // namespace

GradientConflict gradient_conflict(const Matrix& gram) {
  check(gram);
  const int64_t n = gram.rows();
  GradientConflict result;
  double total = 0;
  for (int64_t i = 0; i < n; ++i) result.norms.push_back(std::sqrt(std::max(0.0, gram(i, i))));
  for (Matrix* table : {&result.cosine, &result.magnitude_similarity, &result.curvature_bound}) table->resize(n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const double a = result.norms[static_cast<size_t>(i)], b = result.norms[static_cast<size_t>(j)];
      const double cosine = a > 0 && b > 0 ? std::clamp(gram(i, j) / std::max(a, b) / std::min(a, b), -1.0, 1.0) : 0;
      result.cosine(i, j) = cosine;
      result.magnitude_similarity(i, j) = similarity_of(a, b);
      result.curvature_bound(i, j) = i == j ? 0 : curvature_of(a, b, cosine);
      total += gram(i, j);
    }
  result.total_norm = std::sqrt(std::max(0.0, total));
  result.singular_values = singular_values(gradient_factor(gram, result.cosine, result.norms), n);
  for (double value : result.singular_values)
    if (value > 0) result.condition_number = result.singular_values.front() / value;
  return result;
}

}  // namespace polytask
