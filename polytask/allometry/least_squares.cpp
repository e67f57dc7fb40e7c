#include <polytask/allometry/least_squares.h>
#include <polytask/solvers/upper_factor.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// (1, u)ᵀ(1, u)⁻¹ from S⁻¹, S the co-moments of the columns.
Matrix inverse_normal_matrix(const Moments& m, const UpperFactor& factor, int columns) {
  Matrix inverse(columns + 1, columns + 1);
  std::vector<double> along(static_cast<size_t>(columns));
  for (int j = 0; j < columns; ++j) {
    std::fill(along.begin(), along.end(), 0.0);
    along[static_cast<size_t>(j)] = 1;
    factor.solve(along.data());
    for (int i = 0; i < columns; ++i) inverse(i + 1, j + 1) = along[static_cast<size_t>(i)];
  }
  inverse(0, 0) = 1 / static_cast<double>(m.n());
  for (int i = 0; i < columns; ++i) {
    double row = 0;
    for (int j = 0; j < columns; ++j) row -= inverse(i + 1, j + 1) * m.mean(j);
    inverse(0, i + 1) = inverse(i + 1, 0) = row;
    inverse(0, 0) -= row * m.mean(i);
  }
  return inverse;
}

}  // namespace

LeastSquares least_squares(const Moments& m, int columns) {
  constexpr double kLeastShare = 1e-10;
  LeastSquares fit;
  fit.n = m.n();
  fit.coefficients.assign(static_cast<size_t>(columns) + 1, 0.0);
  fit.covariance.resize(columns + 1, columns + 1, kNaN);
  fit.sigma = fit.r2 = kNaN;
  if (m.n() == 0) return fit;

  UpperFactor factor;
  factor.reserve(columns);
  int determined = 0;
  for (std::vector<double> column(static_cast<size_t>(columns)); determined < columns; ++determined) {
    for (int i = 0; i < determined; ++i) column[static_cast<size_t>(i)] = m.sum(i, determined);
    if (!factor.append(column.data(), m.sum(determined, determined), kLeastShare)) break;
  }
  std::vector<double> slopes(static_cast<size_t>(columns), 0.0);
  for (int i = 0; i < determined; ++i) slopes[static_cast<size_t>(i)] = m.sum(i, Moments::kY);
  factor.solve(slopes.data());

  fit.rank = determined + 1;
  fit.coefficients[0] = m.mean(Moments::kY);
  fit.rss = m.sum(Moments::kY, Moments::kY);
  for (int i = 0; i < determined; ++i) {
    const double slope = fit.coefficients[static_cast<size_t>(i) + 1] = slopes[static_cast<size_t>(i)];
    fit.coefficients[0] -= slope * m.mean(i);
    fit.rss -= slope * m.sum(i, Moments::kY);
  }
  fit.rss = fit.n > fit.rank ? std::max(fit.rss, 0.0) : 0;
  if (m.sum(Moments::kY, Moments::kY) > 0) fit.r2 = 1 - fit.rss / m.sum(Moments::kY, Moments::kY);
  if (fit.n > fit.rank) fit.sigma = std::sqrt(fit.rss / static_cast<double>(fit.n - fit.rank));
  if (fit.full_rank()) {
    const Matrix inverse = inverse_normal_matrix(m, factor, columns);
    for (int i = 0; i <= columns; ++i)
      for (int j = 0; j <= columns; ++j) fit.covariance(i, j) = inverse(i, j) * fit.sigma * fit.sigma;
  }
  return fit;
}

double residual_sum(const Moments& m, const std::vector<double>& c) {
  const int columns = static_cast<int>(c.size()) - 1;
  double rss = m.sum(Moments::kY, Moments::kY), bias = m.mean(Moments::kY) - c[0];
  for (int i = 0; i < columns; ++i) {
    const double slope = c[static_cast<size_t>(i) + 1];
    bias -= slope * m.mean(i);
    rss -= 2 * slope * m.sum(i, Moments::kY);
    for (int j = 0; j < columns; ++j) rss += slope * c[static_cast<size_t>(j) + 1] * m.sum(i, j);
  }
  return std::max(rss, 0.0) + static_cast<double>(m.n()) * bias * bias;
}

double normal_deviance(int64_t n, double rss) {
  constexpr double kTwoPi = 6.283185307179586;
  return static_cast<double>(n) * (1 + std::log(kTwoPi * rss / static_cast<double>(n)));
}

}  // namespace polytask
