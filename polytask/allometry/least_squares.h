#pragma once
#include <polytask/allometry/moments.h>
#include <polytask/solvers/matrix.h>

#include <array>
#include <cstdint>
#include <vector>

namespace polytask {

/// y = c₀ + c₁ u₁ + c₂ u₂ by ordinary least squares.
struct LeastSquares {
  std::vector<double> coefficients;  ///< [1 + columns]; 0 where the rows do not determine one
  int rank = 0;                      ///< how many they determine; the last columns are given up first
  int64_t n = 0;
  double rss = 0;     ///< Σ (y − fitted)²
  double sigma = 0;   ///< √(rss / (n − rank)), NaN where n = rank
  double r2 = 0;      ///< 1 − rss / Σ (y − ȳ)², NaN where all y are equal
  Matrix covariance;  ///< [1 + columns]², of full rank only; NaN where n = rank

  bool full_rank() const { return rank == static_cast<int>(coefficients.size()); }
};

/// From the moments alone. A column counts as determined where what the columns before it leave of its variance is
/// above 1e-10 of it. No rows: rank 0.
LeastSquares least_squares(const Moments& moments, int columns);

/// Σ (y − c₀ − c₁ u₁ − c₂ u₂)² of the rows for any coefficients [1 + columns].
double residual_sum(const Moments& moments, const std::vector<double>& coefficients);

/// −2 log-likelihood of normal residuals at its maximum over σ: n (1 + log(2π rss / n)).
double normal_deviance(int64_t n, double rss);

}  // namespace polytask
