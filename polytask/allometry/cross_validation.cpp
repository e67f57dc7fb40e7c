#include <polytask/allometry/cross_validation.h>
#include <polytask/allometry/least_squares.h>
#include <polytask/core/error.h>
#include <polytask/core/random.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace polytask {
namespace {

constexpr int64_t kFewestTrainingRows = 3;

// Cells of each genus, by fold.
using Cells = std::vector<std::map<int64_t, Accumulator>>;

Cells collect(const KeptRows& rows, const Law& law, double shape, const Folds& folds) {
  Cells cells(rows.genera().size());
  Random random(folds.seed, "allometry/folds");
  rows.for_each([&](const KeptRow* row, size_t count) {
    for (const KeptRow* end = row + count; row != end; ++row) {
      const int64_t fold = folds.by_group ? row->group : random.below(folds.count);
      auto& of_genus = cells[static_cast<size_t>(row->genus)];
      auto cell = of_genus.find(fold);
      if (cell == of_genus.end()) cell = of_genus.emplace(fold, Accumulator(law, {shape})).first;
      cell->second.add(0, row->log_height, row->log_biomass);
    }
  });
  return cells;
}

constexpr int64_t kNoFold = -1;

// A fit of the other folds; what it lacks is said with the fold that is left out.
Fit fit_rest(const Accumulator& rest, const FitOptions& options, const std::optional<RelativeFactor>& start,
             const std::string& left_out) {
  try {
    return fit_law(rest, options, start);
  } catch (const InputError& error) {
    throw InputError("without {}: {}", left_out, error.what());
  }
}

// The statistics of every genus without one fold.
Accumulator without(const Cells& cells, const Law& law, double shape, int64_t fold) {
  Accumulator rest(law, {shape});
  rest.reserve(static_cast<int64_t>(cells.size()));
  for (size_t g = 0; g < cells.size(); ++g)
    for (const auto& [other, statistics] : cells[g])
      if (other != fold) rest.merge(static_cast<int64_t>(g), statistics);
  return rest;
}

std::vector<double> coefficients_of(const Curve& curve, int columns) {
  return {curve.parameters.begin(), curve.parameters.begin() + columns + 1};
}

std::vector<int64_t> folds_with_rows(const Cells& cells) {
  std::set<int64_t> found;
  for (const auto& of_genus : cells)
    for (const auto& [fold, statistics] : of_genus) found.insert(fold);
  return {found.begin(), found.end()};
}

double rmse(double squared_error, int64_t n) {
  return n > 0 ? std::sqrt(squared_error / static_cast<double>(n)) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::vector<HeldOut> cross_validate(const KeptRows& rows, const Law& law, const FitOptions& options, double shape,
                                    const Folds& folds) {
  const Cells cells = collect(rows, law, shape, folds);
  const auto with_rows = folds_with_rows(cells);
  if (with_rows.size() < 2)
    throw InputError("cross-validation needs two {} with rows, but there is {}", folds.by_group ? "groups" : "folds",
                     with_rows.size());
  const auto start = fit_law(without(cells, law, shape, kNoFold), options).factor;
  std::vector<HeldOut> result;
  for (const int64_t fold : with_rows) {
    const Accumulator rest = without(cells, law, shape, fold);
    const Fit fit = fit_rest(rest, options, start,
                             folds.by_group ? fmt::format("group \"{}\"", rows.groups()[static_cast<size_t>(fold)])
                                            : fmt::format("fold {} of {}", fold + 1, folds.count));
    for (size_t g = 0; g < cells.size(); ++g) {
      const auto cell = cells[g].find(fold);
      if (cell == cells[g].end()) continue;
      const Curve& own = fit.genera[g];
      const bool alone = options.pooling == Pooling::none;
      const bool usable = own.estimable() && (!alone || own.n >= kFewestTrainingRows);
      const Moments& held_out = cell->second.moments(0, 0);
      result.push_back({static_cast<int64_t>(g), fold, held_out.n(), own.n,
                        residual_sum(held_out, coefficients_of(usable ? own : fit.all, law.columns()))});
    }
  }
  return result;
}

double held_out_rmse(const std::vector<HeldOut>& cells) { return held_out_rmse(cells, -1); }

double held_out_rmse(const std::vector<HeldOut>& cells, int64_t genus) {
  double squared_error = 0;
  int64_t n = 0;
  for (const auto& cell : cells) {
    if (genus >= 0 && cell.genus != genus) continue;
    squared_error += cell.squared_error;
    n += cell.n;
  }
  return rmse(squared_error, n);
}

}  // namespace polytask
