#pragma once
#include <polytask/allometry/fit.h>
#include <polytask/allometry/kept_rows.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// What exp(log B), the median, is to be multiplied by so that it is a mean. Stored beside the parameters, never mixed
/// into them. NaN where it is not known.
struct BackTransform {
  double baskerville = 0;  ///< exp(σ²/2), Baskerville, Can. J. For. Res. 2, 1972: for normal residuals
  double duan = 0;         ///< mean of exp(residual), Duan, J. Am. Stat. Assoc. 78, 1983: for any residuals
  double snowdon = 0;      ///< ΣB / Σ exp(fitted), Snowdon, Can. J. For. Res. 21, 1991: ratio of the totals
};

/// Sums over rows from which the factors come.
class ResidualSums {
 public:
  void add(double log_biomass, double fitted);
  void merge(const ResidualSums& other);
  BackTransform factors(double sigma) const;

 private:
  int64_t n_ = 0;
  double smear_ = 0, observed_ = 0, fitted_ = 0;
};

struct BackTransforms {
  BackTransform all;
  std::vector<BackTransform> genera;  ///< in the fit's order
};

/// One pass over the rows. Rows of genera that are not estimable count in none of the factors.
BackTransforms back_transforms(const Fit& fit, const KeptRows& rows);

}  // namespace polytask
