#pragma once
#include <polytask/allometry/fit.h>
#include <polytask/allometry/kept_rows.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

/// The rows of one genus in one fold, predicted by a fit of the other folds.
struct HeldOut {
  int64_t genus = 0, fold = 0;
  int64_t n = 0, n_training = 0;  ///< rows held out; rows of the genus in the other folds
  double squared_error = 0;       ///< Σ (log B − predicted)² of the rows held out
};

/// Which fold a row belongs to.
struct Folds {
  int64_t count = 10;     ///< where rows are dealt out at random
  uint64_t seed = 1;      ///< of the random stream "allometry/folds"
  bool by_group = false;  ///< leave one group out instead
};

/// Cross-validation in log space, in one pass over the rows: statistics of each genus in each fold tell both the fits
/// and their errors. Pooling none: a genus with fewer than three training rows, or without enough distinct heights, is
/// predicted by the line of all. A genus without training rows gets the fixed effects, or the line of all. The shape
/// parameter stays at `shape` (that of the fit of all rows). Throws InputError for fewer than two folds with rows, and
/// where the rows without a fold, which it names, are too few for a fit.
std::vector<HeldOut> cross_validate(const KeptRows& rows, const Law& law, const FitOptions& options, double shape,
                                    const Folds& folds);

/// √ of the mean squared error over all rows held out, or over those of one genus (NaN where it has none).
double held_out_rmse(const std::vector<HeldOut>& cells);
double held_out_rmse(const std::vector<HeldOut>& cells, int64_t genus);

}  // namespace polytask
