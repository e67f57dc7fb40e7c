#include <polytask/core/options.h>
#include <polytask/io/csv.h>
#include <polytask/reporting/sensitivity_report.h>
#include <polytask/reporting/table.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace polytask {
namespace {

using Figure = double AllometryFigures::*;
const std::vector<std::pair<std::string, Figure>> kFigures = {
    {"residual", &AllometryFigures::residual}, {"rmse", &AllometryFigures::rmse}, {"bias", &AllometryFigures::bias}};

Node number(double value) { return std::isfinite(value) ? Node::scalar_of(number_text(value)) : Node(); }
Node text(const std::string& value) { return Node::scalar_of(value, true); }
std::string cell(double value) { return std::isfinite(value) ? number_text(value) : ""; }

// A signed change; the larger of those at ±2 standard errors.
double largest_change(const ParameterSwing& swing, const AllometryFigures& fitted, Figure figure) {
  const double down = swing.at.front().*figure - fitted.*figure, up = swing.at.back().*figure - fitted.*figure;
  return std::abs(down) > std::abs(up) ? down : up;
}

std::string signed_text(double value) { return (value > 0 ? "+" : "") + figure_text(value); }

std::string spread_table(const AllometrySensitivity& result) {
  TextTable table({"figure", "fitted", "mean of draws", "sd", "5 %", "95 %"});
  const std::vector<std::string> names = {"residual", "RMSE of biomass", "bias of biomass"};
  for (size_t f = 0; f < kFigures.size(); ++f) {
    const auto spread = spread_of(result.draws, kFigures[f].second);
    table.add({names[f], figure_text(result.fitted.*kFigures[f].second), figure_text(spread.mean),
               figure_text(spread.sd), figure_text(spread.low), figure_text(spread.high)});
  }
  return table.text();
}

std::string genera_table(const AllometrySensitivity& result) {
  std::vector<std::string> header = {"genus", "share"};
  for (const char* figure : {"residual", "RMSE"}) {
    header.push_back(fmt::format("{}: sd", figure));
    for (const auto& swing : result.genera[0].swings) header.push_back(fmt::format("{} ±2 SE", swing.parameter));
  }
  header.emplace_back("bias: sd");
  TextTable table(header);
  for (const size_t g : by_influence(result)) {
    const GenusSensitivity& genus = result.genera[g];
    std::vector<std::string> row = {genus.name, figure_text(genus.share)};
    for (const Figure figure : {&AllometryFigures::residual, &AllometryFigures::rmse}) {
      row.push_back(figure_text(spread_of(genus.draws, figure).sd));
      for (const auto& swing : genus.swings) row.push_back(signed_text(largest_change(swing, result.fitted, figure)));
    }
    row.push_back(figure_text(spread_of(genus.draws, &AllometryFigures::bias).sd));
    table.add(row);
  }
  return table.text();
}

Node figures_node(const AllometryFigures& figures) {
  Node node = Node::map_of();
  for (const auto& [name, figure] : kFigures) node.set(name, number(figures.*figure));
  return node;
}

Node spread_node(const std::vector<AllometryFigures>& draws) {
  Node node = Node::map_of();
  for (const auto& [name, figure] : kFigures) {
    const auto spread = spread_of(draws, figure);
    node.set(name, Node::map_of({{"mean", number(spread.mean)},
                                 {"sd", number(spread.sd)},
                                 {"q05", number(spread.low)},
                                 {"q95", number(spread.high)}}));
  }
  return node;
}

Node genus_node(const GenusSensitivity& genus) {
  Node swings = Node::map_of();
  for (const auto& swing : genus.swings) {
    Node steps = Node::map_of({{"standard_error", number(swing.standard_error)}});
    for (size_t s = 0; s < swing.at.size(); ++s)
      steps.set(fmt::format("{:+.0f} SE", ParameterSwing::kSteps[s]), figures_node(swing.at[s]));
    swings.set(swing.parameter, std::move(steps));
  }
  return Node::map_of(
      {{"share", number(genus.share)}, {"draws", spread_node(genus.draws)}, {"moved", std::move(swings)}});
}

std::string figure_cells(const AllometryFigures& figures) {
  return csv_line({cell(figures.residual), cell(figures.rmse), cell(figures.bias)}) + "\n";
}

}  // namespace

FigureSpread spread_of(const std::vector<AllometryFigures>& draws, Figure figure) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values;
  values.reserve(draws.size());
  for (const auto& draw : draws) values.push_back(draw.*figure);
  const bool unknown = std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
  if (values.empty() || unknown) return {kNaN, kNaN, kNaN, kNaN};
  std::sort(values.begin(), values.end());
  FigureSpread spread;
  const auto n = static_cast<double>(values.size());
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  for (const double value : values) spread.sd += (value - spread.mean) * (value - spread.mean);
  spread.sd = values.size() > 1 ? std::sqrt(spread.sd / (n - 1)) : kNaN;
  const auto quantile = [&](double share) {  // linear between the order statistics
    const double place = share * (n - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
  };
  spread.low = quantile(0.05);
  spread.high = quantile(0.95);
  return spread;
}

std::vector<size_t> by_influence(const AllometrySensitivity& result) {
  const Figure figure = result.compared > 0 ? &AllometryFigures::rmse : &AllometryFigures::residual;
  std::vector<double> influence;
  for (const auto& genus : result.genera) {
    double largest = 0;
    for (const auto& draw : genus.draws) largest += std::pow(draw.*figure - result.fitted.*figure, 2);
    influence.push_back(largest);
  }
  std::vector<size_t> order(influence.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return influence[a] > influence[b]; });
  return order;
}

std::string sensitivity_text(const AllometrySensitivity& result, const std::string& rows) {
  std::string out = fmt::format(
      "coupling {}, law {}: {} rows of {}, {} pixels higher than {} m, {} of them with a true biomass ({})\n\n",
      result.coupling, result.law, result.rows, rows, result.pixels, number_text(result.min_height_m), result.compared,
      result.biomass_unit.empty() ? "no unit" : result.biomass_unit);
  out += spread_table(result);
  out += result.correction == "none"
             ? "biomass that the law gives is a median; --correction takes its mean\n"
             : fmt::format("biomass that the law gives is its median times the factor of {}\n", result.correction);
  out += fmt::format("biomass as the model predicts it itself: RMSE {}, bias {}\n\n", figure_text(result.head_rmse),
                     figure_text(result.head_bias));
  out += genera_table(result);
  out += fmt::format(
      "sd: of {} draws of that genus's parameters alone; ±2 SE: the larger change with one parameter moved by two "
      "standard errors\n",
      result.draws.size());
  if (!result.fixed.empty())
    out += fmt::format("without a covariance, so kept as fitted: {}\n", fmt::join(result.fixed, ", "));
  return out;
}

Node sensitivity_node(const AllometrySensitivity& result) {
  Node node = Node::map_of();
  node.set("coupling", text(result.coupling));
  node.set("law", text(result.law));
  node.set("biomass_unit", text(result.biomass_unit));
  node.set("min_height_m", number(result.min_height_m));
  node.set("correction", text(result.correction));
  node.set("rows", Node::scalar_of(std::to_string(result.rows)));
  node.set("pixels", Node::scalar_of(std::to_string(result.pixels)));
  node.set("compared", Node::scalar_of(std::to_string(result.compared)));
  node.set("model", Node::map_of({{"rmse", number(result.head_rmse)}, {"bias", number(result.head_bias)}}));
  node.set("fitted", figures_node(result.fitted));
  node.set("draws", spread_node(result.draws));
  Node genera = Node::map_of(), fixed = Node::sequence_of({});
  for (const auto& genus : result.genera) genera.set(genus.name, genus_node(genus));
  for (const auto& name : result.fixed) fixed.append(text(name));
  node.set("genera", std::move(genera));
  node.set("fixed", std::move(fixed));
  return node;
}

std::string sensitivity_csv(const AllometrySensitivity& result) {
  std::string out = "genus,share,parameter,standard_error,step,residual,rmse,bias\n";
  out += "(fitted),,,,0," + figure_cells(result.fitted);
  for (const auto& genus : result.genera)
    for (const auto& swing : genus.swings)
      for (size_t s = 0; s < swing.at.size(); ++s)
        out += csv_line({genus.name, cell(genus.share), swing.parameter, cell(swing.standard_error),
                         number_text(ParameterSwing::kSteps[s])}) +
               "," + figure_cells(swing.at[s]);
  return out;
}

std::string sensitivity_draws_csv(const AllometrySensitivity& result) {
  std::string out = "genus,draw,residual,rmse,bias\n";
  const auto add = [&out](const std::string& name, const std::vector<AllometryFigures>& draws) {
    for (size_t d = 0; d < draws.size(); ++d) out += csv_line({name, std::to_string(d)}) + "," + figure_cells(draws[d]);
  };
  add("(all)", result.draws);
  for (const auto& genus : result.genera) add(genus.name, genus.draws);
  return out;
}

}  // namespace polytask
