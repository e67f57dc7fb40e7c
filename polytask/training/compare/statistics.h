#pragma once
#include <vector>

namespace polytask {

/// P(T ≤ t) of Student's t with `freedom` > 0 degrees of freedom, by the regularised incomplete beta function.
double student_cdf(double t, double freedom);
/// The t with student_cdf(t) = p, for 0 < p < 1.
double student_quantile(double p, double freedom);

/// What the mean of some numbers, one a seed, may be.
struct MeanInterval {
  double mean = 0;           ///< NaN of no values
  double deviation = 0;      ///< sample standard deviation (n − 1), 0 up to rounding is 0; NaN below two values
  double low = 0, high = 0;  ///< 95 % confidence: mean ± t(0.975, n − 1) deviation / √n; NaN below two values
  double p = 1;  ///< two-sided, of a true mean of 0; NaN below two values, and where all values are equal but not 0
  int count = 0;
};
/// NaN among the values are left out.
MeanInterval mean_interval(const std::vector<double>& values);

/// a − b, seed by seed; 0 where they are equal up to rounding. NaN where either is.
std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b);

/// p-values after Holm's correction for their number (Holm 1979): in ascending order, the k-th smallest of m times
/// m − k + 1, never below the one before it, at most 1. NaN stay, and do not count.
std::vector<double> holm(const std::vector<double>& p);

}  // namespace polytask
