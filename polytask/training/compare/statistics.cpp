#include <polytask/training/compare/statistics.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace polytask {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kRounding = 1e-12;  // relative; what is smaller is what sums of equal numbers leave

// The continued fraction of the incomplete beta function by Lentz's method (converges fast for x < (a + 1) / (a + b +
// 2)).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kPrecision = 1e-15;
  const auto away_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), result = d;
  for (int m = 1; m < 1000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    result *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    result *= d * c;
    if (std::abs(d * c - 1) < kPrecision) break;
  }
  return result;
}

// I_x(a, b), for 0 ≤ x ≤ 1.
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double log_front = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double front = std::exp(log_front);
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

// P(|T| ≥ |t|)
double two_sided(double t, double freedom) { return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)); }

double p_value(const MeanInterval& interval) {
  if (interval.deviation > 0)
    return two_sided(interval.mean / (interval.deviation / std::sqrt(interval.count)), interval.count - 1);
  return interval.mean == 0 ? 1 : kNone;
}

}  // namespace

double student_cdf(double t, double freedom) {
  const double tail = two_sided(t, freedom) / 2;
  return t > 0 ? 1 - tail : tail;
}

double student_quantile(double p, double freedom) {
  if (p < 0.5) return -student_quantile(1 - p, freedom);
  double low = 0, high = 1;
  while (student_cdf(high, freedom) < p) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-14 * high; ++i) {
    const double middle = (low + high) / 2;
    (student_cdf(middle, freedom) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

MeanInterval mean_interval(const std::vector<double>& values) {
  std::vector<double> known;
  std::copy_if(values.begin(), values.end(), std::back_inserter(known), [](double v) { return !std::isnan(v); });
  MeanInterval result;
  result.count = static_cast<int>(known.size());
  const auto n = static_cast<double>(known.size());
  result.mean = known.empty() ? kNone : std::accumulate(known.begin(), known.end(), 0.0) / n;
  if (known.size() < 2) {
    result.deviation = result.low = result.high = result.p = kNone;
    return result;
  }
  double squares = 0;
  for (const double value : known) squares += (value - result.mean) * (value - result.mean);
  result.deviation = std::sqrt(squares / (n - 1));
  if (result.deviation <= kRounding * std::abs(result.mean)) result.deviation = 0;
  const double half = student_quantile(0.975, n - 1) * result.deviation / std::sqrt(n);
  result.low = result.mean - half;
  result.high = result.mean + half;
  result.p = p_value(result);
  return result;
}

std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = a[i] - b[i];
    const bool equal = std::abs(difference) <= kRounding * std::max(std::abs(a[i]), std::abs(b[i]));
    result.push_back(equal ? 0 : difference);
  }
  return result;
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<size_t> order;
  for (size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted = p;
  double highest = 0;
  for (size_t k = 0; k < order.size(); ++k) {
    highest = std::max(highest, std::min(1.0, p[order[k]] * static_cast<double>(order.size() - k)));
    adjusted[order[k]] = highest;
  }
  return adjusted;
}

}  // namespace polytask
