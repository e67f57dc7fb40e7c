#pragma once
#include <polytask/allometry/back_transform.h>
#include <polytask/allometry/fit.h>
#include <polytask/allometry/observations.h>
#include <polytask/core/node.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// A fit with all that a reader of its parameter file needs to know.
struct FitReport {
  Fit fit;
  std::vector<std::string> genera;  ///< names, in the fit's order
  RowCounts counts;
  double min_height_m = 1.3;
  std::string biomass_unit;
  std::optional<BackTransforms> factors;  ///< absent: rows were seen once only; exp(σ²/2) is given all the same
  Node provenance;                        ///< a map, or null
};

/// The parameter file's content: law, formula, units, min_height_m, pooling, criterion, centre, rows, likelihood, fixed
/// effects (or the pooled line) with standard errors, variance components, factors, genera, not_estimable, provenance.
/// What the rows do not determine is null.
Node parameter_node(const FitReport& report);

/// What a reader should know of a fit before using it, a sentence each: genera that are not estimable or fall with
/// height, a singular fit, a shape parameter that the heights do not bound.
std::vector<std::string> fit_warnings(const FitReport& report);

/// One line a genus: genus, n, parameters, standard errors, their covariances, sigma, R², range of heights, factors; a
/// genus that is not estimable has blanks and the reason in the last column. The first line, "(all)", holds the fixed
/// effects or the pooled line.
std::string parameter_csv(const FitReport& report);

}  // namespace polytask
