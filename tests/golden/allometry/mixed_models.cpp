#include "checks.h"

#include <polytask/allometry/fit_rows.h>
#include <polytask/allometry/profiled_deviance.h>
#include <polytask/io/csv.h>

namespace polytask::golden {
namespace {

constexpr double kWorse = 1e-5, kCriterion = 1e-6, kCoefficient = 1e-4, kVariance = 1e-4, kSingularCoefficient = 5e-3;

Fit fit_power(const KeptRows& rows, bool reml, double centre) {
  return fit_rows(rows, law_named("power", "golden"), {Pooling::partial, reml, centre});
}

// Whether the reference is at our optimum; where it stopped at a worse one, the rest cannot be compared.
bool check_criterion(const std::string& what, double ours, double theirs, Checks& checks) {
  checks.at_most(what + " criterion", ours, theirs + kWorse);
  if (ours < theirs - kCriterion * std::abs(theirs)) {
    checks.exclude(
        fmt::format("{}: the reference stopped at a worse optimum, {:.6f} against {:.6f}", what, theirs, ours));
    return false;
  }
  return true;
}

void check_fixed(const std::string& what, const Fit& fit, const Node& fixed, bool centred, Checks& checks) {
  const double alpha = centred ? fit.intercept_at_centre : fit.all.parameters[0];
  const Matrix& covariance = centred ? fit.fixed_at_centre : fit.all.covariance;
  checks.near(what + " fixed alpha", alpha, number(fixed, "alpha"), kCoefficient);
  checks.near(what + " fixed beta", fit.all.parameters[1], number(fixed, "beta"), kCoefficient);
  checks.near(what + " se_alpha", std::sqrt(covariance(0, 0)), number(fixed, "se_alpha"), kCoefficient);
  checks.near(what + " se_beta", std::sqrt(covariance(1, 1)), number(fixed, "se_beta"), kCoefficient);
  checks.near(what + " cov_alpha_beta", covariance(0, 1), number(fixed, "cov_alpha_beta"), kCoefficient);
}

void check_variances(const std::string& what, const Symmetric2& t, double sigma, const Node& var, Checks& checks) {
  checks.relative(what + " tau_aa", t.aa, number(var, "tau_aa"), kVariance);
  // A covariance near zero is as exact as the variances are.
  checks.near(what + " tau_ab", t.ab, number(var, "tau_ab"), kVariance * std::sqrt(t.aa * t.bb));
  checks.relative(what + " tau_bb", t.bb, number(var, "tau_bb"), kVariance);
  checks.relative(what + " sigma2", sigma * sigma, number(var, "sigma2"), kVariance);
}

void check_genera(const std::string& what, const KeptRows& rows, const Fit& fit, const Node& genera, bool singular,
                  double centre, Checks& checks) {
  const double tolerance = singular ? kSingularCoefficient : kCoefficient;
  for (const auto& [name, expected] : genera.entries()) {
    const std::string genus = what + " " + name;
    const Curve& curve = fit.genera.at(static_cast<size_t>(Trees::genus(rows, name)));
    checks.equal(genus + " n", curve.n, static_cast<int64_t>(number(expected, "n")));
    checks.near(genus + " alpha", curve.parameters[0] + centre * curve.parameters[1], number(expected, "alpha"),
                tolerance);
    checks.near(genus + " beta", curve.parameters[1], number(expected, "beta"), tolerance);
    if (singular) continue;
    const Matrix& c = curve.covariance;
    const double aa = c(0, 0) + 2 * centre * c(0, 1) + centre * centre * c(1, 1), ab = c(0, 1) + centre * c(1, 1);
    checks.near(genus + " cv_aa", aa, number(expected, "cv_aa"), kCoefficient);
    checks.near(genus + " cv_ab", ab, number(expected, "cv_ab"), kCoefficient);
    checks.near(genus + " cv_bb", c(1, 1), number(expected, "cv_bb"), kCoefficient);
  }
}

// The reference's own variances and fixed effects must give the reference's coefficients.
void check_prediction(const std::string& what, const KeptRows& rows, const Node& expected, double centre,
                      Checks& checks) {
  constexpr double kPrediction = 1e-9;
  const auto statistics = accumulate(rows, law_named("power", "golden"), {0});
  const ProfiledDeviance data(statistics.of_shape(0), 1, {centre, 0}, true);
  const Node &var = member(expected, "var"), &fixed = member(expected, "fixed");
  const std::vector<double> mu = {number(fixed, "alpha"), number(fixed, "beta")};
  const Symmetric2 t{number(var, "tau_aa"), number(var, "tau_ab"), number(var, "tau_bb")};
  for (const auto& [name, genus] : member(expected, "genera").entries()) {
    const auto effect = predict_effect(data.effect_data(Trees::genus(rows, name), mu), t, number(var, "sigma2"));
    checks.near(what + " " + name + " predicted alpha", mu[0] + effect.intercept, number(genus, "alpha"), kPrediction);
    checks.near(what + " " + name + " predicted beta", mu[1] + effect.slope, number(genus, "beta"), kPrediction);
  }
}

bool is_singular(const Node& fit) { return fit.text_or("messages", "").find("singular") != std::string::npos; }

}  // namespace

void check_random_slopes(const Node& file, Trees& trees, Checks& checks) {
  for (const auto& expected : member(file, "fits").items()) {
    const double height = number(expected, "hmin"), centre = number(expected, "centre");
    const bool reml = boolean_of(member(expected, "REML")), centred = expected.text_or("centring", "") != "none";
    const std::string what =
        fmt::format("hmin {} {} {}", height, reml ? "REML" : "ML", expected.text_or("centring", ""));
    const KeptRows& rows = trees.from_height(height);
    check_prediction(what, rows, expected, centre, checks);
    // Uncentred variances follow from the centred ones.
    const Fit fit = centred ? fit_power(rows, reml, centre)
                            : fit_rows(rows, law_named("power", "golden"), {Pooling::partial, reml, {}});
    checks.equal(what + " n", fit.n, static_cast<int64_t>(number(expected, "n")));
    if (!check_criterion(what, fit.deviance, number(expected, "crit"), checks)) continue;
    checks.relative(what + " criterion", fit.deviance, number(expected, "crit"), kCriterion);
    checks.relative(what + " loglik", fit.log_likelihood(), number(expected, "loglik"), kCriterion);
    checks.relative(what + " AIC", fit.aic(), number(expected, "AIC"), kCriterion);
    checks.relative(what + " BIC", fit.bic(), number(expected, "BIC"), kCriterion);
    checks.equal(what + " df", fit.estimated, static_cast<int64_t>(number(expected, "df")));
    const bool singular = is_singular(expected);
    checks.equal(what + " singular", fit.singular ? 1 : 0, singular ? 1 : 0);
    if (!singular) {
      check_fixed(what, fit, member(expected, "fixed"), centred, checks);
      check_variances(what, centred ? fit.centred : fit.uncentred, fit.all.sigma, member(expected, "var"), checks);
    }
    check_genera(what, rows, fit, member(expected, "genera"), singular, centre, checks);
  }
}

// lme4 about several centres: the same model, so the same criterion wherever it converged.
void check_centring(const std::filesystem::path& file, Trees& trees, Checks& checks) {
  const CsvTable table = read_csv(file);
  const auto text = [&](const char* column, int64_t row) {
    return table.columns[static_cast<size_t>(table.column_index(column))][static_cast<size_t>(row)];
  };
  for (int64_t row = 0; row < table.rows(); ++row) {
    const auto value = [&](const char* column) { return csv_number(text(column, row), false, column); };
    const bool reml = text("REML", row) == "TRUE";
    const std::string what = fmt::format("hmin {} {} {}", text("hmin", row), reml ? "REML" : "ML", text("centre", row));
    const Fit fit =
        fit_rows(trees.from_height(value("hmin")), law_named("power", "golden"), {Pooling::partial, reml, {}});
    if (!check_criterion(what, fit.deviance, value("crit"), checks)) continue;
    checks.relative(what + " criterion", fit.deviance, value("crit"), kCriterion);
    if (fit.singular) continue;
    checks.near(what + " beta", fit.all.parameters[1], value("beta"), kCoefficient);
    checks.relative(what + " sigma", fit.all.sigma, value("sigma"), kVariance);
    checks.relative(what + " sd_b", std::sqrt(fit.centred.bb), value("sd_b"), kVariance);
  }
}

void check_expectation_maximisation(const Node& file, Trees& trees, Checks& checks) {
  for (const auto& expected : member(file, "fits").items()) {
    const double height = number(expected, "hmin"), centre = number(expected, "centre");
    const bool reml = boolean_of(member(expected, "REML"));
    const std::string what = fmt::format("hmin {} {}", height, reml ? "REML" : "ML");
    const Fit fit = fit_power(trees.from_height(height), reml, centre);
    checks.equal(what + " n", fit.n, static_cast<int64_t>(number(expected, "n")));
    checks.at_most(what + " criterion", fit.deviance, number(expected, "lme4_crit") + kWorse);
    checks.relative(what + " criterion", fit.deviance, number(expected, "my_crit_at_my_opt"), kCriterion);
    const auto compare = [&](const std::string& of, const Node& solution) {
      const auto mu = numbers(member(solution, "mu"));
      checks.near(what + " " + of + " mu_0", fit.intercept_at_centre, mu[0], kCoefficient);
      checks.near(what + " " + of + " mu_1", fit.all.parameters[1], mu[1], kCoefficient);
      checks.relative(what + " " + of + " sigma2", fit.all.sigma * fit.all.sigma, number(solution, "sigma2"),
                      kVariance);
      const auto &t0 = member(solution, "T").items()[0], &t1 = member(solution, "T").items()[1];
      const Symmetric2& t = fit.centred;
      checks.relative(what + " " + of + " T_00", t.aa, numbers(t0)[0], kVariance);
      checks.near(what + " " + of + " T_01", t.ab, numbers(t0)[1], kVariance * std::sqrt(t.aa * t.bb));
      checks.relative(what + " " + of + " T_11", t.bb, numbers(t1)[1], kVariance);
    };
    if (fit.singular) {
      checks.exclude(what + ": singular, so the criterion alone is compared");
      continue;
    }
    compare("direct", member(expected, "direct"));
    if (const Node* em = expected.find("em"); em != nullptr) {
      checks.at_most(what + " criterion against EM", fit.deviance, number(*em, "crit") + kWorse);
      compare("em", *em);
    }
    checks.exclude(what + ": moments_nmin5, moments_nmin10: a moment estimator, which is no method of ours");
  }
}

}  // namespace polytask::golden
