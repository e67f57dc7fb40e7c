#include <polytask/core/options.h>
#include <polytask/reporting/allometry_report.h>
#include <polytask/reporting/table.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <set>

namespace polytask {
namespace {

constexpr size_t kGeneraShown = 12;

// Places of the genera, those with the most rows first.
std::vector<size_t> by_rows(const std::vector<Curve>& genera) {
  std::vector<size_t> order(genera.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return genera[a].n > genera[b].n; });
  return order;
}

std::string coefficients_text(const Law& law, const Curve& curve) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < curve.parameters.size(); ++i) {
    const bool coefficient = static_cast<int>(i) <= law.columns();
    parts.push_back(fmt::format(
        "{} {}{}", law.parameter_names()[i], figure_text(curve.parameters[i]),
        coefficient ? fmt::format(" ± {}", figure_text(curve.standard_error(static_cast<int64_t>(i)))) : ""));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string genera_table(const FitReport& report) {
  const Law& law = *report.fit.law;
  std::vector<std::string> header = {"genus", "n"};
  for (const auto& name : law.parameter_names()) header.push_back(name);
  for (const char* name : {"se(alpha)", "se(beta)", "σ", "R²"}) header.emplace_back(name);
  TextTable table(header);
  const auto order = by_rows(report.fit.genera);
  for (size_t i = 0; i < std::min(order.size(), kGeneraShown); ++i) {
    const Curve& curve = report.fit.genera[order[i]];
    std::vector<std::string> row = {report.genera[order[i]], std::to_string(curve.n)};
    if (curve.estimable()) {
      for (const double value : curve.parameters) row.push_back(figure_text(value));
      for (const double value : {curve.standard_error(0), curve.standard_error(1), curve.sigma, curve.r2})
        row.push_back(figure_text(value));
    } else {
      row.emplace_back("not estimable");
    }
    table.add(row);
  }
  std::string text = table.text();
  if (order.size() > kGeneraShown) text += fmt::format("… and {} genera more\n", order.size() - kGeneraShown);
  return text;
}

std::string variance_text(const Fit& fit) {
  const Symmetric2& t = fit.centred;
  const double correlation = t.ab / std::sqrt(t.aa * t.bb);
  return fmt::format("between genera, at log H = {}: sd of intercept {}, of slope {}, correlation {}; {}\n",
                     figure_text(fit.centre), figure_text(std::sqrt(t.aa)), figure_text(std::sqrt(t.bb)),
                     figure_text(correlation), fit.options.reml ? "REML" : "ML");
}

std::string back_transform_text(const FitReport& report) {
  if (!report.factors) return "";
  const BackTransform& f = report.factors->all;
  return fmt::format(
      "exp(log B) is a median: its total is {} of the observed; times {} (Baskerville) {}, times {} (Duan) {}; "
      "Snowdon's ratio {}\n",
      figure_text(1 / f.snowdon), figure_text(f.baskerville), figure_text(f.baskerville / f.snowdon),
      figure_text(f.duan), figure_text(f.duan / f.snowdon), figure_text(f.snowdon));
}

}  // namespace

std::string fit_text(const FitReport& report) {
  const Fit& fit = report.fit;
  std::string text = fmt::format("rows: {}\n", report.counts.text(report.min_height_m));
  text += fmt::format("law: {}; H in m, B in {}, H ≥ {} m; pooling {}; {} genera\n", fit.law->formula(),
                      report.biomass_unit, number_text(report.min_height_m), to_text(fit.options.pooling),
                      report.genera.size());
  text += fmt::format("{}: {}; σ {}, R² {}\n",
                      fit.options.pooling == Pooling::partial ? "fixed effects" : "line of all rows",
                      coefficients_text(*fit.law, fit.all), figure_text(fit.all.sigma), figure_text(fit.all.r2));
  if (fit.options.pooling == Pooling::partial) text += variance_text(fit);
  text += fmt::format("log-likelihood {:.4f}, AIC {:.4f}, BIC {:.4f}, {} numbers estimated\n", fit.log_likelihood(),
                      fit.aic(), fit.bic(), fit.estimated);
  text += back_transform_text(report);
  for (const auto& warning : fit_warnings(report)) text += warning + "\n";
  return text + "\n" + genera_table(report);
}

std::string held_out_text(const std::vector<HeldOut>& cells, const Folds& folds) {
  std::vector<HeldOut> unseen;
  std::copy_if(cells.begin(), cells.end(), std::back_inserter(unseen),
               [](const HeldOut& cell) { return cell.n_training == 0; });
  std::set<int64_t> parts;
  for (const auto& cell : cells) parts.insert(cell.fold);
  return fmt::format(
      "held out, one of {} {} at a time: RMSE of log B {}{}\n", parts.size(), folds.by_group ? "groups" : "folds",
      figure_text(held_out_rmse(cells)),
      unseen.empty() ? "" : fmt::format("; of genera without training rows {}", figure_text(held_out_rmse(unseen))));
}

}  // namespace polytask
