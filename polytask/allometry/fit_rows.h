#pragma once
#include <polytask/allometry/fit.h>
#include <polytask/allometry/kept_rows.h>

#include <optional>

namespace polytask {

/// Statistics of all rows for the given candidates of the shape parameter, in one pass.
Accumulator accumulate(const KeptRows& rows, const Law& law, std::vector<double> shapes);

/// Fits a law to the rows. A shape parameter is searched among 24 values over the heights, then twice among 9 between
/// the neighbours of the best, one pass each; `shape_m` fixes it instead.
Fit fit_rows(const KeptRows& rows, const Law& law, const FitOptions& options,
             const std::optional<double>& shape_m = {});

}  // namespace polytask
