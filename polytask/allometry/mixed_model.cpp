#include <polytask/allometry/mixed_model.h>
#include <polytask/allometry/profiled_deviance.h>
#include <polytask/core/error.h>
#include <polytask/solvers/nelder_mead.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

constexpr double kSingular = 1e-4;

// Λ of T/σ².
RelativeFactor factor_of(const Symmetric2& t, double sigma2) {
  RelativeFactor f;
  f.a = std::sqrt(std::max(t.aa / sigma2, 0.0));
  f.b = f.a > 0 ? t.ab / sigma2 / f.a : 0;
  f.d = std::sqrt(std::max(t.bb / sigma2 - f.b * f.b, 0.0));
  return f;
}

// The mean over genera of the expected products of their effects is the next T (Dempster, Laird and Rubin, 1977); μ and
// σ² are profiled. It climbs fast from anywhere and slowly in the end, so a few steps of it give a start.
RelativeFactor expectation_maximisation(ProfiledDeviance& model) {
  constexpr int kSteps = 40;
  RelativeFactor factor;
  for (int step = 0; step < kSteps; ++step) {
    const auto found = model.solve(factor);
    Symmetric2 t;
    double genera = 0;
    for (int64_t g = 0; g < model.genera(); ++g) {
      if (model.rows(g) == 0) continue;
      const auto e = predict_effect(model.effect_data(g, found.fixed), found.t, found.sigma2);
      t.aa += e.intercept * e.intercept + e.covariance.aa;
      t.ab += e.intercept * e.slope + e.covariance.ab;
      t.bb += e.slope * e.slope + e.covariance.bb;
      ++genera;
    }
    factor = factor_of({t.aa / genera, t.ab / genera, t.bb / genera}, found.sigma2);
  }
  return factor;
}

Minimum descend(ProfiledDeviance& model, const RelativeFactor& from) {
  return minimise_nelder_mead(
      [&](const std::vector<double>& x) {
        return model.value({x[0], x[1], x[2]});
      },
      {from.a, from.b, from.d}, {0.1, 1e-13, 1e-8, 1500, 5});
}

void check_enough(const std::vector<Moments>& genera, int columns) {
  int64_t rows = 0, with_rows = 0;
  for (const auto& genus : genera) {
    rows += genus.n();
    with_rows += genus.n() > 0 ? 1 : 0;
  }
  if (with_rows < 2)
    throw InputError("partial pooling needs two genera with rows, but there is {}; pool completely or not at all",
                     with_rows);
  if (rows <= 2 * with_rows)
    throw InputError(
        "partial pooling of {} rows of {} genera is not possible: an intercept and a slope of each genus can not be "
        "told "
        "from the residuals; pool completely",
        rows, with_rows);
  if (rows <= columns + 5)
    throw InputError("partial pooling of {} rows is not possible: it estimates {} numbers; pool completely", rows,
                     columns + 5);
}

}  // namespace

RandomEffect predict_effect(const EffectData& data, const Symmetric2& t, double sigma2) {
  // I + ZᵀZ T/σ², which is not symmetric, and its inverse.
  const double m00 = 1 + (data.zz.aa * t.aa + data.zz.ab * t.ab) / sigma2;
  const double m01 = (data.zz.aa * t.ab + data.zz.ab * t.bb) / sigma2;
  const double m10 = (data.zz.ab * t.aa + data.zz.bb * t.ab) / sigma2;
  const double m11 = 1 + (data.zz.ab * t.ab + data.zz.bb * t.bb) / sigma2;
  const double determinant = m00 * m11 - m01 * m10;
  RandomEffect effect;
  effect.covariance.aa = (t.aa * m11 - t.ab * m10) / determinant;
  effect.covariance.ab = (t.ab * m00 - t.aa * m01) / determinant;
  effect.covariance.bb = (t.bb * m00 - t.ab * m01) / determinant;
  effect.intercept = (effect.covariance.aa * data.ze0 + effect.covariance.ab * data.ze1) / sigma2;
  effect.slope = (effect.covariance.ab * data.ze0 + effect.covariance.bb * data.ze1) / sigma2;
  return effect;
}

MixedModel fit_mixed_model(const std::vector<Moments>& genera, int columns, const std::array<double, 2>& centre,
                           bool reml, const std::optional<RelativeFactor>& start) {
  check_enough(genera, columns);
  ProfiledDeviance model(genera, columns, centre, reml);
  Minimum best = descend(model, start ? *start : expectation_maximisation(model));
  if (!start) {
    const Minimum other = descend(model, {});
    const int64_t evaluations = best.evaluations + other.evaluations;
    if (other.value < best.value) best = other;
    best.evaluations = evaluations;
  }
  MixedModel result;
  result.factor = {std::abs(best.x[0]), best.x[0] < 0 ? -best.x[1] : best.x[1], std::abs(best.x[2])};
  auto solved = model.solve(result.factor);
  result.fixed = std::move(solved.fixed);
  result.fixed_covariance = std::move(solved.fixed_covariance);
  result.t = solved.t;
  result.sigma2 = solved.sigma2;
  result.deviance = best.value;
  result.evaluations = best.evaluations;
  result.singular = result.factor.a < kSingular || result.factor.d < kSingular;
  for (int64_t g = 0; g < model.genera(); ++g)
    result.effects.push_back(predict_effect(model.effect_data(g, result.fixed), result.t, result.sigma2));
  return result;
}

}  // namespace polytask
