#include <polytask/solvers/pseudo_inverse.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {

bool PseudoInverse::solve(const Matrix& a, const std::vector<double>& b, double tolerance, std::vector<double>& x) {
  const size_t n = b.size();
  x.assign(n, 0.0);
  rank_ = 0;
  covered_ = 0;
  if (!eigen_.compute(a)) return false;
  double largest = 0, total = 0, kept = 0;
  for (double value : eigen_.values()) largest = std::max(largest, std::abs(value));
  for (double value : b) total += value * value;
  const double least = tolerance * static_cast<double>(n) * std::numeric_limits<double>::epsilon() * largest;
  const Matrix& v = eigen_.vectors();
  for (size_t k = 0; k < n; ++k) {
    const double value = eigen_.values()[k];
    if (!(std::abs(value) > least)) continue;
    ++rank_;
    const auto column = static_cast<int64_t>(k);
    double along = 0;
    for (size_t i = 0; i < n; ++i) along += v(static_cast<int64_t>(i), column) * b[i];
    kept += along * along;
    for (size_t i = 0; i < n; ++i) x[i] += along / value * v(static_cast<int64_t>(i), column);
  }
  covered_ = total > 0 ? std::sqrt(kept / total) : 0;
  return true;
}

}  // namespace polytask
