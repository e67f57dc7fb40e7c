#pragma once
#include <polytask/allometry/fit.h>
#include <polytask/allometry/kept_rows.h>

#include <cstdint>
#include <string>

namespace polytask {

struct AllometryFigureOptions {
  int64_t panels = 24;           ///< the genera with the most rows; 0: all
  int64_t points_a_panel = 300;  ///< drawn at random, where there are more
  uint64_t seed = 1;             ///< of the random stream "figure/points"
  std::string biomass_unit = "kg";
};

/// The fits whose lines are drawn; those that could not be made are nullptr.
struct FittedLines {
  const Fit* none = nullptr;
  const Fit* partial = nullptr;
  const Fit* complete = nullptr;
};

/// An SVG with one panel a genus, all on the same logarithmic axes: its rows, and over its heights the unpooled, the
/// partially pooled and the pooled line. One pass over the rows; memory is that of the points drawn.
std::string allometry_figure(const KeptRows& rows, const FittedLines& lines, const AllometryFigureOptions& options);

}  // namespace polytask
