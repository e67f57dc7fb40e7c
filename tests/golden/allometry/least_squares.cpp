#include "checks.h"

#include <polytask/allometry/back_transform.h>
#include <polytask/allometry/fit_rows.h>
#include <polytask/io/csv.h>

#include <limits>

namespace polytask::golden {
namespace {

constexpr double kTolerance = 1e-9;

Fit fit_power(const KeptRows& rows, Pooling pooling) {
  return fit_rows(rows, law_named("power", "golden"), {pooling, true, {}});
}

// Fields that the reference leaves out are not compared: with two rows the line alone, with one none.
void check_curve(const std::string& what, const Node& expected, const Curve& curve, const BackTransform& factors,
                 Checks& checks) {
  checks.equal(what + " n", curve.n, static_cast<int64_t>(number(expected, "n")));
  checks.near(what + " x_min", curve.lowest, number(expected, "x_min"), kTolerance);
  checks.near(what + " x_max", curve.highest, number(expected, "x_max"), kTolerance);
  if (expected.find("alpha") == nullptr) {
    checks.equal(what + " estimable", curve.estimable() ? 1 : 0, 0);
    return;
  }
  const auto compare = [&](const char* field, double value) {
    if (const Node* node = expected.find(field); node != nullptr)
      checks.relative(what + " " + field, value, json_number(*node), kTolerance);
  };
  compare("alpha", curve.parameters[0]);
  compare("beta", curve.parameters[1]);
  if (curve.n < 3) return;
  compare("rss", curve.rss);
  compare("sigma", curve.sigma);
  compare("se_alpha", curve.standard_error(0));
  compare("se_beta", curve.standard_error(1));
  compare("cov_alpha_beta", curve.covariance(0, 1));
  compare("r2", curve.r2);
  compare("baskerville", factors.baskerville);
  compare("duan", factors.duan);
  compare("snowdon_ratio", factors.snowdon);
}

}  // namespace

void check_least_squares(const Node& file, Trees& trees, Checks& checks) {
  for (const auto& expected : member(file, "fits").items()) {
    const double height = number(expected, "hmin");
    const std::string at = fmt::format("hmin {}", height);
    const KeptRows& rows = trees.from_height(height);
    checks.equal(at + " n", rows.size(), static_cast<int64_t>(number(expected, "n")));
    checks.equal(at + " strictly above", trees.from_height(std::nextafter(height, 1e9)).size(),
                 static_cast<int64_t>(number(expected, "n_strictly_above")));
    const Fit pooled = fit_power(rows, Pooling::complete), separate = fit_power(rows, Pooling::none);
    Curve line = pooled.all;
    line.lowest = rows.lowest();
    line.highest = rows.highest();
    check_curve(at + " pooled", member(expected, "pooled"), line, back_transforms(pooled, rows).all, checks);
    checks.relative(at + " pooled loglik_ml", pooled.log_likelihood(), number(member(expected, "pooled"), "loglik_ml"),
                    kTolerance);
    const auto factors = back_transforms(separate, rows);
    for (const auto& [name, genus] : member(expected, "genera").entries()) {
      const int64_t g = Trees::genus(rows, name);
      if (g < 0) {
        checks.fail(at + " " + name + ": no such genus");
      } else {
        check_curve(at + " " + name, genus, separate.genera[static_cast<size_t>(g)],
                    factors.genera[static_cast<size_t>(g)], checks);
      }
    }
  }
}

void check_least_squares_table(const std::filesystem::path& file, Trees& trees, Checks& checks) {
  const CsvTable table = read_csv(file);
  const auto value = [&](const char* column, int64_t row) {
    return csv_number(table.columns[static_cast<size_t>(table.column_index(column))][static_cast<size_t>(row)], false,
                      column);
  };
  const auto& names = table.columns[static_cast<size_t>(table.column_index("genus"))];
  double height = std::numeric_limits<double>::quiet_NaN();
  Fit fit;
  BackTransforms factors;
  for (int64_t row = 0; row < table.rows(); ++row) {
    const KeptRows& rows = trees.from_height(value("hmin", row));
    if (value("hmin", row) != height) {
      height = value("hmin", row);
      fit = fit_power(rows, Pooling::none);
      factors = back_transforms(fit, rows);
    }
    const std::string& name = names[static_cast<size_t>(row)];
    const auto g = static_cast<size_t>(Trees::genus(rows, name));
    const Curve& curve = fit.genera.at(g);
    const auto compare = [&](const char* column, double actual) {
      if (const double expected = value(column, row); std::isfinite(expected))
        checks.relative(fmt::format("hmin {} {} {}", height, name, column), actual, expected, kTolerance);
    };
    compare("n", static_cast<double>(curve.n));
    if (!curve.estimable()) continue;
    compare("alpha", curve.parameters[0]);
    compare("beta", curve.parameters[1]);
    if (curve.n < 3) continue;
    compare("se_alpha", curve.standard_error(0));
    compare("se_beta", curve.standard_error(1));
    compare("sigma", curve.sigma);
    compare("r2", curve.r2);
    compare("baskerville", factors.genera[g].baskerville);
    compare("duan", factors.genera[g].duan);
    compare("snowdon_ratio", factors.genera[g].snowdon);
  }
}

}  // namespace polytask::golden
