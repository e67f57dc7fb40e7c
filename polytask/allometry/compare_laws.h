#pragma once
#include <polytask/allometry/cross_validation.h>
#include <polytask/allometry/fit.h>
#include <polytask/allometry/kept_rows.h>

#include <limits>
#include <string>
#include <vector>

namespace polytask {

/// One law under one pooling, on all rows and held out.
struct ComparedFit {
  const Law* law = nullptr;
  Pooling pooling = Pooling::partial;
  std::string problem;           ///< why it could not be fitted, or ""
  Fit fit;                       ///< by maximum likelihood, so that laws compare
  std::string held_out_problem;  ///< why there are no held-out errors, or ""
  std::vector<HeldOut> cells;
  double rmse = std::numeric_limits<double>::quiet_NaN();  ///< held out, in log space
};

/// Every law under every pooling. A law that the rows do not determine is told with its reason.
std::vector<ComparedFit> compare_laws(const KeptRows& rows, const Folds& folds);

/// Likelihood figures of one genus's own line (pooling none), with a σ of its own.
struct GenusFigures {
  int64_t n = 0, estimated = 0;
  double log_likelihood = 0, aic = 0, bic = 0;  ///< NaN where it is not estimable or fits exactly
};
GenusFigures genus_figures(const ComparedFit& unpooled, size_t genus);

}  // namespace polytask
