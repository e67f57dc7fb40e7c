#include <polytask/core/options.h>
#include <polytask/io/csv.h>
#include <polytask/reporting/allometry_report.h>
#include <polytask/reporting/table.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

namespace polytask {
namespace {

constexpr size_t kGeneraShown = 12;

std::vector<const ComparedFit*> unpooled(const std::vector<ComparedFit>& compared) {
  std::vector<const ComparedFit*> result;
  for (const auto& c : compared)
    if (c.pooling == Pooling::none) result.push_back(&c);
  return result;
}

std::string table_of_all(const std::vector<ComparedFit>& compared) {
  TextTable table({"law", "pooling", "shape (m)", "n", "numbers", "log-likelihood", "AIC", "BIC", "held-out RMSE"});
  for (const auto& c : compared) {
    std::vector<std::string> row = {c.law->name(), to_text(c.pooling)};
    if (c.problem.empty()) {
      row.insert(row.end(), {c.law->has_shape() ? figure_text(c.fit.shape) : "", std::to_string(c.fit.n),
                             std::to_string(c.fit.estimated), fmt::format("{:.2f}", c.fit.log_likelihood()),
                             fmt::format("{:.2f}", c.fit.aic()), fmt::format("{:.2f}", c.fit.bic()),
                             std::isnan(c.rmse) ? "–" : figure_text(c.rmse)});
    } else {
      row.push_back(c.problem);
    }
    table.add(row);
  }
  return table.text();
}

std::vector<size_t> by_rows(const KeptRows& rows) {
  std::vector<size_t> order(rows.genera().size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rows.rows_of_genus()[a] > rows.rows_of_genus()[b]; });
  return order;
}

std::string cell_text(double value) { return std::isnan(value) ? "–" : fmt::format("{:.2f}", value); }

// A genus's rows in the table: its own line under each law.
void add_genus(TextTable& table, const std::vector<const ComparedFit*>& laws, const KeptRows& rows, size_t genus) {
  double lowest = std::numeric_limits<double>::infinity();
  for (const auto* c : laws) lowest = std::fmin(lowest, genus_figures(*c, genus).aic);
  for (size_t l = 0; l < laws.size(); ++l) {
    const GenusFigures figures = genus_figures(*laws[l], genus);
    const double rmse = held_out_rmse(laws[l]->cells, static_cast<int64_t>(genus));
    table.add({l == 0 ? rows.genera()[genus] : "", l == 0 ? std::to_string(rows.rows_of_genus()[genus]) : "",
               laws[l]->law->name(), cell_text(figures.log_likelihood),
               cell_text(figures.aic) + (figures.aic == lowest ? " *" : ""), cell_text(figures.bic),
               std::isnan(rmse) ? "–" : figure_text(rmse)});
  }
}

std::string table_of_genera(const std::vector<ComparedFit>& compared, const KeptRows& rows) {
  TextTable table({"genus", "n", "law", "log-likelihood", "AIC", "BIC", "held-out RMSE"});
  const auto laws = unpooled(compared);
  const auto order = by_rows(rows);
  for (size_t i = 0; i < std::min(order.size(), kGeneraShown); ++i) add_genus(table, laws, rows, order[i]);
  std::string text = table.text() + "* the genus's lowest AIC\n";
  if (order.size() > kGeneraShown)
    text += fmt::format("… and {} genera more, all in the table that -o writes\n", order.size() - kGeneraShown);
  return text;
}

std::string notes(const std::vector<ComparedFit>& compared) {
  std::string text;
  for (const auto& c : compared)
    if (!c.held_out_problem.empty())
      text += fmt::format("{}, pooling {}: no held-out errors: {}\n", c.law->name(), to_text(c.pooling),
                          c.held_out_problem);
  return text;
}

size_t groups_with_rows(const KeptRows& rows) {
  std::set<int32_t> groups;
  rows.for_each([&](const KeptRow* row, size_t count) {
    for (const KeptRow* end = row + count; row != end; ++row) groups.insert(row->group);
  });
  return groups.size();
}

std::string cell(double value) { return std::isfinite(value) ? number_text(value) : ""; }

}  // namespace

std::string laws_text(const std::vector<ComparedFit>& compared, const KeptRows& rows, const Folds& folds) {
  return fmt::format(
      "rows: {}; {} genera\n"
      "Fits by maximum likelihood; a shape parameter searched counts as a number. Held out: {}, RMSE of log "
      "B.\n\n{}{}\n"
      "Each genus's own line, with a σ of its own; the shape, which is that of all genera, is not counted:\n\n{}",
      rows.counts().text(rows.min_height_m()), rows.genera().size(),
      folds.by_group ? fmt::format("one of {} groups at a time", groups_with_rows(rows))
                     : fmt::format("one of {} random folds at a time", folds.count),
      table_of_all(compared), notes(compared), table_of_genera(compared, rows));
}

std::string laws_csv(const std::vector<ComparedFit>& compared, const KeptRows& rows) {
  std::string out = csv_line({"genus", "law", "pooling", "shape_m", "n", "numbers", "log_likelihood", "aic", "bic",
                              "held_out_rmse", "problem"}) +
                    "\n";
  for (const auto& c : compared)
    out += csv_line({"(all)", c.law->name(), to_text(c.pooling),
                     c.problem.empty() && c.law->has_shape() ? cell(c.fit.shape) : "", std::to_string(rows.size()),
                     std::to_string(c.fit.estimated), c.problem.empty() ? cell(c.fit.log_likelihood()) : "",
                     c.problem.empty() ? cell(c.fit.aic()) : "", c.problem.empty() ? cell(c.fit.bic()) : "",
                     cell(c.rmse), c.problem.empty() ? c.held_out_problem : c.problem}) +
           "\n";
  for (size_t g = 0; g < rows.genera().size(); ++g)
    for (const auto& c : compared) {
      if (!c.problem.empty()) continue;
      const bool own = c.pooling == Pooling::none;
      const GenusFigures figures = own ? genus_figures(c, g) : GenusFigures{};
      const std::string n = std::to_string(rows.rows_of_genus()[g]);
      out += csv_line({rows.genera()[g], c.law->name(), to_text(c.pooling), c.law->has_shape() ? cell(c.fit.shape) : "",
                       n, own ? std::to_string(figures.estimated) : "", own ? cell(figures.log_likelihood) : "",
                       own ? cell(figures.aic) : "", own ? cell(figures.bic) : "",
                       cell(held_out_rmse(c.cells, static_cast<int64_t>(g))), ""}) +
             "\n";
    }
  return out;
}

}  // namespace polytask
