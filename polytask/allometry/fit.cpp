#include <polytask/allometry/fit.h>
#include <polytask/allometry/least_squares.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace polytask {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLeastRange = 1e-3;  // of log H in a genus that has a slope of its own

Moments merged(const std::vector<Moments>& genera) {
  Moments all;
  for (const auto& genus : genera) all.merge(genus);
  return all;
}

double r2_of(const Moments& moments, double rss) {
  const double total = moments.sum(Moments::kY, Moments::kY);
  return total > 0 ? 1 - rss / total : kNaN;
}

// Fits one candidate of the shape parameter.
class Fitter {
 public:
  Fitter(const Accumulator& statistics, const FitOptions& options, size_t shape)
      : statistics_(statistics), options_(options), genera_(statistics.of_shape(shape)), all_(merged(genera_)) {
    fit_.law = &statistics.law();
    fit_.options = options;
    fit_.shape = statistics.shapes()[shape];
    fit_.n = all_.n();
    columns_ = fit_.law->columns();
    fit_.centre = options.centre.value_or(fit_.law->log_height_of(all_.mean(0), fit_.shape));
    std::array<double, Moments::kMostColumns> at_centre{};
    fit_.law->columns_at(fit_.centre, fit_.shape, at_centre.data());
    centre_ = at_centre[0];
  }

  /// Whether all rows together determine every coefficient.
  bool determined() const { return least_squares(all_, columns_).full_rank(); }

  Fit run(const std::optional<RelativeFactor>& start) {
    switch (options_.pooling) {
      case Pooling::none:
        separately();
        break;
      case Pooling::complete:
        together();
        break;
      case Pooling::partial:
        partially(start);
        break;
    }
    if (fit_.law->has_shape() && statistics_.shapes().size() > 1) ++fit_.estimated;
    return std::move(fit_);
  }

 private:
  std::vector<double> with_shape(std::vector<double> coefficients) const {
    if (fit_.law->has_shape()) coefficients.push_back(fit_.shape);
    return coefficients;
  }

  Curve from_least_squares(const LeastSquares& ols) const {
    Curve curve;
    curve.n = ols.n;
    curve.covariance = ols.covariance;
    curve.sigma = ols.sigma;
    curve.rss = ols.rss;
    curve.r2 = ols.r2;
    if (ols.full_rank())
      curve.parameters = with_shape(ols.coefficients);
    else
      give_up(curve, undetermined(ols));
    return curve;
  }

  static void give_up(Curve& curve, std::string problem) {
    curve.problem = std::move(problem);
    curve.parameters.clear();
    curve.sigma = kNaN;
  }

  std::string undetermined(const LeastSquares& ols) const {
    if (ols.n == 0) return "no rows";
    const std::string rows = fmt::format("its {} row{}", ols.n, ols.n == 1 ? "" : "s");
    if (ols.n > columns_ && ols.rank > 1)
      return fmt::format("{} do not determine {}: {}", rows, fit_.law->parameter_names()[2],
                         fit_.law->has_shape() ? fmt::format("no heights on both sides of {:.4g} m", fit_.shape)
                                               : fmt::format("fewer than {} distinct heights", columns_ + 1));
    return fmt::format("{} {} fewer than {} distinct heights", rows, ols.n == 1 ? "has" : "have", columns_ + 1);
  }

  void set_range(Curve& curve, int64_t genus) const {
    curve.lowest = statistics_.range(genus).lowest;
    curve.highest = statistics_.range(genus).highest;
  }

  void separately() {
    double rss = 0;
    for (int64_t g = 0; g < statistics_.genera(); ++g) {
      const auto ols = least_squares(genera_[static_cast<size_t>(g)], columns_);
      rss += ols.rss;
      fit_.estimated += ols.rank;
      Curve curve = from_least_squares(ols);
      set_range(curve, g);
      if (curve.estimable() && curve.highest - curve.lowest < kLeastRange)
        give_up(curve, fmt::format("its {} rows differ in height by less than {:.1f} %", ols.n, 100 * kLeastRange));
      fit_.genera.push_back(std::move(curve));
    }
    fit_.all = from_least_squares(least_squares(all_, columns_));
    fit_.estimated += 1;
    fit_.deviance = normal_deviance(fit_.n, rss);
  }

  void together() {
    const auto ols = least_squares(all_, columns_);
    fit_.all = from_least_squares(ols);
    for (int64_t g = 0; g < statistics_.genera(); ++g) {
      Curve curve = fit_.all;
      describe(curve, g);
      fit_.genera.push_back(std::move(curve));
    }
    fit_.estimated = ols.rank + 1;
    fit_.deviance = normal_deviance(fit_.n, ols.rss);
  }

  void describe(Curve& curve, int64_t g) const {
    const Moments& moments = genera_[static_cast<size_t>(g)];
    curve.n = moments.n();
    const std::vector<double> coefficients(curve.parameters.begin(), curve.parameters.begin() + columns_ + 1);
    curve.rss = moments.n() > 0 ? residual_sum(moments, coefficients) : 0;
    curve.r2 = r2_of(moments, curve.rss);
    set_range(curve, g);
  }

  void partially(const std::optional<RelativeFactor>& start) {
    const std::array<double, 2> centre = {centre_, columns_ > 1 ? all_.mean(1) : 0};
    const MixedModel model = fit_mixed_model(genera_, columns_, centre, options_.reml, start);
    fit_.factor = model.factor;
    fit_.singular = model.singular;
    fit_.deviance = model.deviance;
    fit_.estimated = columns_ + 1 + 4;
    fit_.centred = model.t;
    fit_.uncentred = uncentred(model.t);
    fit_.intercept_at_centre = model.fixed[0];
    fit_.fixed_at_centre = model.fixed_covariance;
    take_fixed_effects(model, centre);
    for (int64_t g = 0; g < statistics_.genera(); ++g) {
      const auto& effect = model.effects[static_cast<size_t>(g)];
      Curve curve = fit_.all;
      curve.parameters[0] += effect.intercept - effect.slope * centre_;
      curve.parameters[1] += effect.slope;
      const Symmetric2 covariance = uncentred(effect.covariance);
      curve.covariance.resize(columns_ + 1, columns_ + 1, kNaN);
      curve.covariance(0, 0) = covariance.aa;
      curve.covariance(0, 1) = curve.covariance(1, 0) = covariance.ab;
      curve.covariance(1, 1) = covariance.bb;
      if (columns_ > 1) curve.covariance(2, 2) = fit_.all.covariance(2, 2);
      describe(curve, g);
      fit_.all.rss += curve.rss;
      fit_.genera.push_back(std::move(curve));
    }
    fit_.all.r2 = r2_of(all_, fit_.all.rss);
  }

  // Of (u − v c, v) where (u, v) is about the centre c.
  Symmetric2 uncentred(const Symmetric2& t) const {
    const double c = centre_;
    return {t.aa - 2 * c * t.ab + c * c * t.bb, t.ab - c * t.bb, t.bb};
  }

  void take_fixed_effects(const MixedModel& model, const std::array<double, 2>& centre) {
    std::vector<double> fixed = model.fixed;
    for (int i = 0; i < columns_; ++i) fixed[0] -= fixed[static_cast<size_t>(i) + 1] * centre[static_cast<size_t>(i)];
    Curve& all = fit_.all;
    all.n = fit_.n;
    all.sigma = std::sqrt(model.sigma2);
    all.covariance = model.fixed_covariance;
    for (int i = 0; i < columns_; ++i) {  // α = (intercept at the centre) − Σ c_i × coefficient i, column then row
      const double c = centre[static_cast<size_t>(i)];
      for (int j = 0; j <= columns_; ++j) all.covariance(j, 0) -= c * all.covariance(j, i + 1);
    }
    for (int i = 0; i < columns_; ++i) {
      const double c = centre[static_cast<size_t>(i)];
      for (int j = 0; j <= columns_; ++j) all.covariance(0, j) -= c * all.covariance(i + 1, j);
    }
    all.parameters = with_shape(std::move(fixed));
  }

  const Accumulator& statistics_;
  const FitOptions& options_;
  std::vector<Moments> genera_;
  Moments all_;
  int columns_ = 1;
  double centre_ = 0;  // the first column at fit_.centre
  Fit fit_;
};

void check_rows(const Accumulator& statistics) {
  if (statistics.rows() == 0) throw InputError("there are no rows to fit a law to");
}

Fit fit_candidate(const Accumulator& statistics, const FitOptions& options, size_t shape,
                  const std::optional<RelativeFactor>& start) {
  return Fitter(statistics, options, shape).run(start);
}

// The candidate of the highest likelihood; nothing where the rows determine the law for none.
std::optional<size_t> best_shape(const Accumulator& statistics, FitOptions options,
                                 std::optional<RelativeFactor> start) {
  options.reml = false;
  std::optional<size_t> best;
  double lowest = std::numeric_limits<double>::infinity();
  for (size_t s = 0; s < statistics.shapes().size(); ++s) {
    Fitter fitter(statistics, options, s);
    if (!fitter.determined()) continue;
    const Fit fit = fitter.run(start);
    if (fit.factor && !fit.singular) start = fit.factor;
    if (fit.deviance >= lowest) continue;
    lowest = fit.deviance;
    best = s;
  }
  return best;
}

}  // namespace

std::string to_text(Pooling pooling) {
  return pooling == Pooling::none ? "none" : pooling == Pooling::partial ? "partial" : "complete";
}

Pooling pooling_named(const std::string& text, const std::string& where) {
  for (const Pooling pooling : {Pooling::none, Pooling::partial, Pooling::complete})
    if (to_text(pooling) == text) return pooling;
  throw InputError("{}: unknown pooling \"{}\"{}", where, text, did_you_mean(text, {"none", "partial", "complete"}));
}

double Curve::standard_error(int64_t coefficient) const {
  return covariance.rows() > coefficient ? std::sqrt(covariance(coefficient, coefficient)) : kNaN;
}

double Fit::bic() const { return deviance + std::log(static_cast<double>(n)) * static_cast<double>(estimated); }

Fit fit_law(const Accumulator& statistics, const FitOptions& options, const std::optional<RelativeFactor>& start) {
  check_rows(statistics);
  const size_t count = statistics.shapes().size();
  const auto shape = count == 1 ? std::optional<size_t>(0) : best_shape(statistics, options, start);
  if (!shape || !Fitter(statistics, options, *shape).determined())
    throw InputError("{} row{} with too few distinct heights do not determine the {} law", statistics.rows(),
                     statistics.rows() == 1 ? "" : "s", statistics.law().name());
  Fit fit = fit_candidate(statistics, options, *shape, start);
  fit.shape_at_end = count > 1 && (*shape == 0 || *shape + 1 == count);
  return fit;
}

}  // namespace polytask
