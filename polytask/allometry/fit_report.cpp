#include <polytask/allometry/fit_report.h>
#include <polytask/core/options.h>
#include <polytask/io/csv.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace polytask {
namespace {

Node number(double value) { return std::isfinite(value) ? Node::scalar_of(number_text(value)) : Node(); }
Node integer(int64_t value) { return Node::scalar_of(std::to_string(value)); }
Node text(const std::string& value) { return Node::scalar_of(value, true); }
Node yes_no(bool value) { return Node::scalar_of(value ? "true" : "false"); }

// Entries that are not known are null; null where none is.
bool is_known(const Matrix& matrix) {
  const double* values = matrix.data();
  return std::any_of(values, values + matrix.rows() * matrix.cols(), [](double value) { return std::isfinite(value); });
}

Node matrix_node(const Matrix& matrix) {
  if (!is_known(matrix)) return {};
  Node rows = Node::sequence_of({});
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    Node row = Node::sequence_of({});
    for (int64_t j = 0; j < matrix.cols(); ++j) row.append(number(matrix(i, j)));
    rows.append(std::move(row));
  }
  return rows;
}

Node factors_node(const BackTransform& factors) {
  Node node = Node::map_of();
  node.set("baskerville", number(factors.baskerville));
  node.set("duan", number(factors.duan));
  node.set("snowdon", number(factors.snowdon));
  return node;
}

BackTransform factors_of(const FitReport& report, size_t genus) {
  if (report.factors) return report.factors->genera[genus];
  return ResidualSums().factors(report.fit.genera[genus].sigma);
}
BackTransform factors_of_all(const FitReport& report) {
  return report.factors ? report.factors->all : ResidualSums().factors(report.fit.all.sigma);
}

bool has_range(const Curve& curve) { return curve.lowest != 0 || curve.highest != 0; }

Node curve_node(const Law& law, const Curve& curve, const BackTransform& factors) {
  Node node = Node::map_of(), errors = Node::map_of();
  for (size_t i = 0; i < curve.parameters.size(); ++i) {
    const auto& name = law.parameter_names()[i];
    node.set(name, number(curve.parameters[i]));
    if (static_cast<int>(i) <= law.columns()) errors.set(name, number(curve.standard_error(static_cast<int64_t>(i))));
  }
  node.set("standard_errors", std::move(errors));
  node.set("covariance", matrix_node(curve.covariance));
  node.set("n", integer(curve.n));
  node.set("sigma", number(curve.sigma));
  node.set("r2", number(curve.r2));
  if (has_range(curve))
    node.set("heights_m", Node::sequence_of({number(std::exp(curve.lowest)), number(std::exp(curve.highest))}));
  node.set("factors", factors_node(factors));
  return node;
}

Node rows_node(const FitReport& report) {
  Node node = Node::map_of(), dropped = Node::map_of();
  node.set("read", integer(report.counts.read));
  node.set("kept", integer(report.counts.kept));
  for (const auto& [reason, count] : report.counts.dropped(report.min_height_m)) dropped.set(reason, integer(count));
  node.set("dropped", std::move(dropped));
  return node;
}

Node likelihood_node(const Fit& fit) {
  Node node = Node::map_of();
  node.set("log_likelihood", number(fit.log_likelihood()));
  node.set("deviance", number(fit.deviance));
  node.set("estimated", integer(fit.estimated));
  node.set("aic", number(fit.aic()));
  node.set("bic", number(fit.bic()));
  return node;
}

Node variance_node(const Fit& fit) {
  const auto component = [](const Symmetric2& t) {
    Node node = Node::map_of();
    node.set("intercept", number(t.aa));
    node.set("covariance", number(t.ab));
    node.set("slope", number(t.bb));
    node.set("correlation", number(t.ab / std::sqrt(t.aa * t.bb)));
    return node;
  };
  Node node = component(fit.uncentred);
  node.set("residual", number(fit.all.sigma * fit.all.sigma));
  node.set("at_centre", component(fit.centred));
  node.set("singular", yes_no(fit.singular));
  return node;
}

std::string cell(double value) { return std::isfinite(value) ? number_text(value) : ""; }

std::vector<std::string> header_of(const Law& law) {
  std::vector<std::string> names = {"genus", "n"};
  const int coefficients = law.columns() + 1;
  for (const auto& name : law.parameter_names()) names.push_back(name);
  for (int i = 0; i < coefficients; ++i) names.push_back("se_" + law.parameter_names()[static_cast<size_t>(i)]);
  names.emplace_back("cov_alpha_beta");
  for (const char* name :
       {"sigma", "r2", "lowest_height_m", "highest_height_m", "baskerville", "duan", "snowdon", "not_estimable"})
    names.emplace_back(name);
  return names;
}

std::string csv_row(const Law& law, const std::string& name, const Curve& curve, const BackTransform& factors) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::string> row = {name, std::to_string(curve.n)};
  for (size_t i = 0; i < law.parameter_names().size(); ++i)
    row.push_back(curve.estimable() ? cell(curve.parameters[i]) : "");
  for (int i = 0; i <= law.columns(); ++i) row.push_back(curve.estimable() ? cell(curve.standard_error(i)) : "");
  row.push_back(curve.estimable() && curve.covariance.rows() > 1 ? cell(curve.covariance(0, 1)) : "");
  const bool ranged = has_range(curve);
  for (const double value :
       {curve.sigma, curve.r2, ranged ? std::exp(curve.lowest) : kNaN, ranged ? std::exp(curve.highest) : kNaN,
        factors.baskerville, factors.duan, factors.snowdon})
    row.push_back(cell(value));
  row.push_back(curve.problem);
  return csv_line(row);
}

// "a, b, c and 12 more"
std::string some(const std::vector<std::string>& names) {
  constexpr size_t kNamed = 8;
  const std::vector<std::string> first(names.begin(),
                                       names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamed)));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     names.size() > kNamed ? fmt::format(" and {} more", names.size() - kNamed) : "");
}

}  // namespace

std::vector<std::string> fit_warnings(const FitReport& report) {
  std::vector<std::string> missing, falling, warnings;
  for (size_t g = 0; g < report.genera.size(); ++g) {
    const Curve& curve = report.fit.genera[g];
    if (!curve.estimable()) missing.push_back(fmt::format("{} ({})", report.genera[g], curve.problem));
    if (curve.estimable() && report.fit.law->needs_positive_beta() && curve.parameters[1] <= 0)
      falling.push_back(report.genera[g]);
  }
  if (!missing.empty()) warnings.push_back(fmt::format("not estimable: {}", some(missing)));
  if (!falling.empty())
    warnings.push_back(fmt::format("beta ≤ 0, so refused where the law is used: {}", some(falling)));
  if (report.fit.singular)
    warnings.emplace_back(
        "singular fit: the genera's lines differ in fewer directions than two, one variance is estimated as zero");
  if (report.fit.shape_at_end)
    warnings.push_back(fmt::format("{} is at the end of the values searched: the heights do not bound it",
                                   report.fit.law->parameter_names().back()));
  return warnings;
}

Node parameter_node(const FitReport& report) {
  const Fit& fit = report.fit;
  Node node = Node::map_of(), units = Node::map_of();
  node.set("law", text(fit.law->name()));
  node.set("formula", text(fit.law->formula()));
  units.set("height", text("m"));
  units.set("biomass", text(report.biomass_unit));
  node.set("units", std::move(units));
  node.set("min_height_m", number(report.min_height_m));
  node.set("pooling", text(to_text(fit.options.pooling)));
  if (fit.options.pooling == Pooling::partial) {
    node.set("criterion", text(fit.options.reml ? "reml" : "ml"));
    node.set("centre_log_height", number(fit.centre));
  }
  node.set("rows", rows_node(report));
  node.set("likelihood", likelihood_node(fit));
  node.set(fit.options.pooling == Pooling::partial ? "fixed_effects" : "pooled_line",
           curve_node(*fit.law, fit.all, factors_of_all(report)));
  if (fit.options.pooling == Pooling::partial) node.set("variance", variance_node(fit));
  Node genera = Node::map_of(), not_estimable = Node::map_of();
  for (size_t g = 0; g < fit.genera.size(); ++g) {
    const Curve& curve = fit.genera[g];
    if (curve.estimable()) {
      genera.set(report.genera[g], curve_node(*fit.law, curve, factors_of(report, g)));
    } else {
      not_estimable.set(report.genera[g], text(curve.problem));
    }
  }
  node.set("genera", std::move(genera));
  if (!not_estimable.entries().empty()) node.set("not_estimable", std::move(not_estimable));
  if (report.provenance.is_map()) node.set("provenance", report.provenance);
  return node;
}

std::string parameter_csv(const FitReport& report) {
  const Law& law = *report.fit.law;
  std::string out = csv_line(header_of(law)) + "\n";
  out += csv_row(law, "(all)", report.fit.all, factors_of_all(report)) + "\n";
  for (size_t g = 0; g < report.genera.size(); ++g)
    out += csv_row(law, report.genera[g], report.fit.genera[g], factors_of(report, g)) + "\n";
  return out;
}

}  // namespace polytask
