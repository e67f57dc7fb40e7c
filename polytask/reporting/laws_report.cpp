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

constexpr size_t kGeneraShown = 25;

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
      row.insert(row.end(),
                 {c.law->has_shape() ? figure_text(c.fit.shape) : "", std::to_string(c.fit.n),
                  std::to_string(c.fit.estimated), fmt::format("{:.2f}", c.fit.log_likelihood()),
                  fmt::format("{:.2f}", c.fit.aic()), fmt::format("{:.2f}", c.fit.bic()), figure_text(c.rmse)});
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

// AIC of each genus's own line under each law, and which is lowest.
std::string table_of_genera(const std::vector<ComparedFit>& compared, const KeptRows& rows) {
  const auto laws = unpooled(compared);
  std::vector<std::string> header = {"genus", "n"};
  for (const auto* c : laws) header.push_back("AIC " + c->law->name());
  header.emplace_back("lowest");
  TextTable table(header);
  const auto order = by_rows(rows);
  for (size_t i = 0; i < std::min(order.size(), kGeneraShown); ++i) {
    std::vector<std::string> row = {rows.genera()[order[i]], std::to_string(rows.rows_of_genus()[order[i]])};
    double lowest = std::numeric_limits<double>::infinity();
    std::string best = "–";
    for (const auto* c : laws) {
      const double aic = genus_figures(*c, order[i]).aic;
      row.push_back(std::isnan(aic) ? "–" : fmt::format("{:.2f}", aic));
      if (aic < lowest) best = c->law->name();
      lowest = std::fmin(lowest, aic);
    }
    row.push_back(best);
    table.add(row);
  }
  std::string text = table.text();
  if (order.size() > kGeneraShown) text += fmt::format("… and {} genera more\n", order.size() - kGeneraShown);
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
      "Fits by maximum likelihood; a shape parameter searched counts as a number. Held out: {}, RMSE of log B.\n\n{}\n"
      "Each genus's own line:\n\n{}",
      rows.counts().text(rows.min_height_m()), rows.genera().size(),
      folds.by_group ? fmt::format("one of {} groups at a time", groups_with_rows(rows))
                     : fmt::format("one of {} random folds at a time", folds.count),
      table_of_all(compared), table_of_genera(compared, rows));
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
                     c.problem.empty() ? cell(c.rmse) : "", c.problem}) +
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
