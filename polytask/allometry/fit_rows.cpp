#include <polytask/allometry/fit_rows.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace polytask {

Accumulator accumulate(const KeptRows& rows, const Law& law, std::vector<double> shapes) {
  Accumulator statistics(law, std::move(shapes));
  statistics.reserve(static_cast<int64_t>(rows.genera().size()));
  rows.for_each([&](const KeptRow* row, size_t count) {
    for (const KeptRow* end = row + count; row != end; ++row)
      statistics.add(row->genus, row->log_height, row->log_biomass);
  });
  return statistics;
}

Fit fit_rows(const KeptRows& rows, const Law& law, const FitOptions& options, const std::optional<double>& shape_m) {
  if (shape_m) return fit_law(accumulate(rows, law, {*shape_m}), options);
  constexpr int kCoarse = 24, kFine = 9, kRefinements = 2;
  auto shapes = law.shapes(std::exp(rows.lowest()), std::exp(rows.highest()), kCoarse);
  Fit fit = fit_law(accumulate(rows, law, shapes), options);
  const bool at_end = fit.shape_at_end;
  for (int i = 0; law.has_shape() && i < kRefinements; ++i) {
    const auto best = std::find(shapes.begin(), shapes.end(), fit.shape);
    const double below = best == shapes.begin() ? *best : *std::prev(best);
    const double above = std::next(best) == shapes.end() ? *best : *std::next(best);
    shapes = even_in_logarithm(below, above, kFine);
    shapes.push_back(fit.shape);  // so that refining never makes it worse
    std::sort(shapes.begin(), shapes.end());
    fit = fit_law(accumulate(rows, law, shapes), options, fit.factor);
  }
  fit.shape_at_end = at_end;
  return fit;
}

}  // namespace polytask
