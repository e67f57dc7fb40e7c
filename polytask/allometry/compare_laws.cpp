#include <polytask/allometry/compare_laws.h>
#include <polytask/allometry/fit_rows.h>
#include <polytask/allometry/least_squares.h>
#include <polytask/core/error.h>
#include <polytask/core/progress.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

ComparedFit compared(const KeptRows& rows, const Law& law, Pooling pooling, const Folds& folds) {
  ComparedFit result;
  result.law = &law;
  result.pooling = pooling;
  const FitOptions options{pooling, false, {}};
  try {
    result.fit = fit_rows(rows, law, options);
  } catch (const InputError& error) {
    result.problem = error.what();
    return result;
  }
  try {
    result.cells = cross_validate(rows, law, options, result.fit.shape, folds);
    result.rmse = held_out_rmse(result.cells);
  } catch (const InputError& error) {
    result.held_out_problem = error.what();
  }
  return result;
}

}  // namespace

std::vector<ComparedFit> compare_laws(const KeptRows& rows, const Folds& folds) {
  std::vector<ComparedFit> results;
  const auto names = law_names();
  Progress progress("fitting", static_cast<int64_t>(3 * names.size()), "fits");
  for (const auto& name : names)
    for (const Pooling pooling : {Pooling::complete, Pooling::partial, Pooling::none}) {
      results.push_back(compared(rows, law_named(name, "compare"), pooling, folds));
      progress.update(static_cast<int64_t>(results.size()));
    }
  progress.finish();
  return results;
}

GenusFigures genus_figures(const ComparedFit& unpooled, size_t genus) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  GenusFigures figures{0, 0, kNaN, kNaN, kNaN};
  if (!unpooled.problem.empty()) return figures;
  const Curve& curve = unpooled.fit.genera[genus];
  figures.n = curve.n;
  figures.estimated = unpooled.law->columns() + 2;
  if (!curve.estimable() || curve.n <= figures.estimated - 1 || curve.rss <= 0) return figures;
  const double deviance = normal_deviance(curve.n, curve.rss);
  figures.log_likelihood = -deviance / 2;
  figures.aic = deviance + 2 * static_cast<double>(figures.estimated);
  figures.bic = deviance + std::log(static_cast<double>(curve.n)) * static_cast<double>(figures.estimated);
  return figures;
}

}  // namespace polytask
