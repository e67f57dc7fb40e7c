#pragma once
#include <polytask/analysis/allometry_sensitivity.h>
#include <polytask/core/node.h>

#include <cstddef>
#include <string>
#include <vector>

namespace polytask {

/// What `polytask allometry sensitivity` prints: the figures as fitted and their spread under draws, then the genera,
/// those whose parameters move the error of biomass (without labels: the residual) most first.
std::string sensitivity_text(const AllometrySensitivity& result, const std::string& rows);

/// All figures: as fitted, mean, standard deviation and quantiles of the draws, and for each genus the spread of its
/// own draws and the figures at every step.
Node sensitivity_node(const AllometrySensitivity& result);
/// One line for each genus, parameter and step: genus, share, parameter, standard_error, step, residual, rmse, bias;
/// the first one, "(fitted)", of the fitted parameters.
std::string sensitivity_csv(const AllometrySensitivity& result);
/// One line for each draw: genus ("(all)" where all are drawn), draw, residual, rmse, bias.
std::string sensitivity_draws_csv(const AllometrySensitivity& result);

/// Spread of a figure over draws.
struct FigureSpread {
  double mean = 0, sd = 0, low = 0, high = 0;  ///< low, high: 5th and 95th percentile
};
FigureSpread spread_of(const std::vector<AllometryFigures>& draws, double AllometryFigures::*figure);
/// Positions of the genera, the most influential first.
std::vector<size_t> by_influence(const AllometrySensitivity& result);

}  // namespace polytask
