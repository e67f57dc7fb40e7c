#pragma once
#include <polytask/allometry/correction.h>
#include <polytask/allometry/fit.h>
#include <polytask/allometry/kept_rows.h>

#include <cstdint>
#include <vector>

namespace polytask {

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
