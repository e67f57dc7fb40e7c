#pragma once
#include <polytask/analysis/allometry_sensitivity.h>

#include <cstddef>
#include <string>

namespace polytask {

/// A tornado as SVG: the change of the residual, and beside it that of the error of biomass, with each genus's
/// parameters one or two standard errors up (upper half of a bar) and down (lower half), and from the 5th to the 95th
/// percentile of its draws. At most `genera` genera, the most influential ones.
std::string tornado_figure(const AllometrySensitivity& result, size_t genera = 16);

}  // namespace polytask
