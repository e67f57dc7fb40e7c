#include <polytask/core/options.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>
#include <polytask/reporting/comparison_report.h>
#include <polytask/reporting/comparison_verdict.h>
#include <polytask/reporting/table.h>

#include <fmt/format.h>

#include <cmath>

namespace polytask {
namespace {

using Kind = ComparedRow::Kind;

std::string spread_text(const MeanInterval& spread) {
  if (std::isnan(spread.mean)) return "–";
  const std::string mean = fmt::format("{:.4g}", spread.mean);
  return std::isnan(spread.deviation) ? mean : fmt::format("{} ± {:.2g}", mean, spread.deviation);
}

std::string interval_text(const MeanInterval& interval) {
  return std::isnan(interval.low) ? "–" : fmt::format("[{:+.2f}, {:+.2f}]", interval.low, interval.high);
}

std::string signed_text(double value) { return std::isnan(value) ? "–" : fmt::format("{:+.2f}", value); }

std::string delta_text(const ComparedRow& row) {
  if (row.kind == Kind::single) return "0";
  return signed_text(row.delta_spread.mean);
}

std::string cost_text(double value, int digits) {
  return std::isnan(value) ? "–" : fmt::format("{:.{}f}", value, digits);
}

bool counts(const Comparison& comparison, const ComparedFigure& figure) {
  const auto metric = comparison.metrics.find(figure.task);
  return metric != comparison.metrics.end() &&
         (figure.figure.name == metric->second || figure.figure.name.rfind(metric->second + "/", 0) == 0);
}

std::string figure_heading(const ComparedFigure& figure) {
  const Direction direction = figure.figure.direction;
  const std::string arrow = direction == Direction::higher_is_better  ? " ↑"
                            : direction == Direction::lower_is_better ? " ↓"
                                                                      : " →0";
  return figure.task + " " + figure.figure.name + (figure.figure.unit.empty() ? "" : " (" + figure.figure.unit + ")") +
         arrow;
}

// The figures that head columns, in the order in which rows bring them.
std::vector<ComparedFigure> columns(const Comparison& comparison, bool all) {
  std::vector<ComparedFigure> result;
  for (const auto& row : comparison.rows)
    for (const auto& figure : row.figures) {
      const bool known = std::any_of(result.begin(), result.end(), [&](const auto& column) {
        return column.task == figure.task && column.figure.name == figure.figure.name;
      });
      if (!known && (all || counts(comparison, figure))) result.push_back(figure);
    }
  return result;
}

std::string cell(const ComparedRow& row, const ComparedFigure& column) {
  for (const auto& figure : row.figures)
    if (figure.task == column.task && figure.figure.name == column.figure.name) return spread_text(figure.spread);
  return row.problem.empty() ? "–" : row.problem.substr(0, row.problem.find_first_of(" :"));
}

TextTable main_table(const Comparison& comparison, bool parameters) {
  const auto shown = columns(comparison, false);
  std::vector<std::string> header = {"architecture", "method"};
  for (const auto& figure : shown) header.push_back(figure_heading(figure));
  for (const char* name : {"Δm %", "95 % interval", "ms/step", "MiB"}) header.emplace_back(name);
  if (parameters) header.emplace_back("parameters");
  TextTable table(header);
  for (const auto& row : comparison.rows) {
    std::vector<std::string> cells = {row.architecture.empty() ? "–" : row.architecture, row.method};
    for (const auto& figure : shown) cells.push_back(cell(row, figure));
    cells.push_back(delta_text(row));
    cells.push_back(row.kind == Kind::single ? "–" : interval_text(row.delta_spread));
    cells.push_back(cost_text(row.step_ms, 2));
    cells.push_back(cost_text(row.memory_mib, 0));
    if (parameters) cells.push_back(row.parameters > 0 ? std::to_string(row.parameters) : "–");
    table.add(cells);
  }
  return table;
}

TextTable figures_table(const Comparison& comparison) {
  const auto shown = columns(comparison, true);
  std::vector<std::string> header = {"architecture", "method"};
  for (const auto& figure : shown) header.push_back(figure_heading(figure));
  TextTable table(header);
  for (const auto& row : comparison.rows) {
    std::vector<std::string> cells = {row.architecture.empty() ? "–" : row.architecture, row.method};
    for (const auto& figure : shown) cells.push_back(cell(row, figure));
    table.add(cells);
  }
  return table;
}

TextTable task_table(const Comparison& comparison) {
  std::vector<std::string> header = {"architecture", "method"};
  for (const auto& task : comparison.tasks) header.push_back(task);
  header.emplace_back("p against single-task");
  header.emplace_back("Δm − tuned (points)");
  header.emplace_back("95 % interval");
  header.emplace_back("p against tuned");
  TextTable table(header);
  const auto p_text = [](double p) { return std::isnan(p) ? std::string("–") : fmt::format("{:.3f}", p); };
  for (const auto& row : comparison.rows) {
    if (row.kind == Kind::single || row.task_delta.empty()) continue;
    std::vector<std::string> cells = {row.architecture, row.method};
    for (const auto& task : comparison.tasks) cells.push_back(signed_text(row.task_delta.at(task)));
    cells.push_back(p_text(row.delta_p));
    const bool other = row.kind == Kind::method && row.against_tuned.count > 0;
    cells.push_back(other ? signed_text(row.against_tuned.mean) : "–");
    cells.push_back(other ? interval_text(row.against_tuned) : "–");
    cells.push_back(p_text(row.against_tuned_p));
    table.add(cells);
  }
  return table;
}

TextTable tried_table(const Comparison& comparison) {
  TextTable table({"weights", "Δm % on validation rows", ""});
  for (const auto& point : comparison.tried)
    table.add({point.label, signed_text(point.delta), point.chosen ? "chosen" : ""});
  return table;
}

double parameters_of(const ComparedRow& row) {
  return row.parameters > 0 ? static_cast<double>(row.parameters) : std::nan("");
}

std::string kind_name(Kind kind) { return kind == Kind::single ? "single" : kind == Kind::tuned ? "tuned" : "method"; }

std::string number(double value) { return std::isnan(value) ? "" : number_text(value); }

void add_line(std::string& text, const ComparedRow& row, const std::vector<std::string>& figure,
              const MeanInterval& spread, const std::vector<double>& values) {
  std::vector<std::string> fields = {row.architecture, row.method, kind_name(row.kind)};
  fields.insert(fields.end(), figure.begin(), figure.end());
  for (const double value : {spread.mean, spread.deviation, spread.low, spread.high}) fields.push_back(number(value));
  for (const double value : values) fields.push_back(number(value));
  text += csv_line(fields) + "\n";
}

MeanInterval only_mean(double value) {
  const double none = std::nan("");
  return {value, none, none, none, none, 0};
}

Node number_node(double value) { return Node::scalar_of(number_text(value)); }
Node text_node(const std::string& value) { return Node::scalar_of(value, true); }

Node list_node(const std::vector<double>& values) {
  Node node = Node::sequence_of({});
  for (const double value : values) node.append(number_node(value));
  return node;
}

Node spread_node(const MeanInterval& spread, const std::vector<double>& values) {
  Node node = Node::map_of({{"mean", number_node(spread.mean)},
                            {"std", number_node(spread.deviation)},
                            {"low", number_node(spread.low)},
                            {"high", number_node(spread.high)}});
  if (!values.empty()) node.set("seeds", list_node(values));
  return node;
}

Node row_node(const ComparedRow& row) {
  Node node = Node::map_of({{"architecture", text_node(row.architecture)},
                            {"method", text_node(row.method)},
                            {"kind", text_node(kind_name(row.kind))}});
  if (!row.problem.empty()) node.set("problem", text_node(row.problem));
  Node tasks = Node::map_of();
  for (const auto& figure : row.figures) {
    const Node* known = tasks.find(figure.task);
    Node task = known != nullptr ? *known : Node::map_of();
    task.set(figure.figure.name, spread_node(figure.spread, figure.values));
    tasks.set(figure.task, task);
  }
  node.set("tasks", tasks);
  if (row.kind != Kind::single) {
    node.set("delta_m", spread_node(row.delta_spread, row.delta));
    Node by_task = Node::map_of();
    for (const auto& [task, value] : row.task_delta) by_task.set(task, number_node(value));
    node.set("delta_m_by_task", by_task);
    node.set("p_against_single", number_node(row.delta_p));
  }
  if (row.kind == Kind::method && row.against_tuned.count > 0) {
    node.set("against_tuned", spread_node(row.against_tuned, {}));
    node.set("p_against_tuned", number_node(row.against_tuned_p));
  }
  node.set("step_ms", number_node(row.step_ms));
  node.set("memory_mib", number_node(row.memory_mib));
  node.set("parameters", number_node(parameters_of(row)));
  return node;
}

}  // namespace

std::string comparison_text(const Comparison& comparison) {
  std::string text = main_table(comparison, false).text() + "\n";
  for (const auto& paragraph : comparison_verdict(comparison)) text += paragraph + "\n";
  return text;
}

std::string comparison_markdown(const Comparison& comparison) {
  std::string text = fmt::format("# {}: comparison\n\n", comparison.name);
  text += main_table(comparison, true).markdown() + "\n";
  for (const auto& paragraph : comparison_verdict(comparison)) text += paragraph + "\n\n";
  if (!comparison.split.empty()) {
    text += "## Δm by task, in per cent, and tests\n\n" + task_table(comparison).markdown() + "\n";
    text += fmt::format("## Every figure on {} rows, mean ± standard deviation over the seeds\n\n", comparison.split) +
            figures_table(comparison).markdown();
  }
  if (!comparison.tried.empty())
    text += "\n## Constant weights that were tried\n\n" + tried_table(comparison).markdown();
  return text;
}

std::string comparison_csv(const Comparison& comparison) {
  std::vector<std::string> header = {"architecture", "method", "kind", "task", "metric", "unit",
                                     "split",        "mean",   "std",  "low",  "high"};
  for (const uint64_t seed : comparison.seeds) header.push_back(fmt::format("seed {}", seed));
  std::string text = csv_line(header) + "\n";
  const std::vector<double> none(comparison.seeds.size(), std::nan(""));
  for (const auto& row : comparison.rows) {
    for (const auto& figure : row.figures)
      add_line(text, row, {figure.task, figure.figure.name, figure.figure.unit, comparison.split}, figure.spread,
               figure.values);
    if (row.kind != Kind::single)
      add_line(text, row, {"", "delta_m", "%", comparison.split}, row.delta_spread, row.delta);
    add_line(text, row, {"", "step_ms", "ms", ""}, only_mean(row.step_ms), none);
    add_line(text, row, {"", "memory_mib", "MiB", ""}, only_mean(row.memory_mib), none);
    add_line(text, row, {"", "parameters", "", ""}, only_mean(parameters_of(row)), none);
  }
  return text;
}

Node comparison_node(const Comparison& comparison) {
  Node node = Node::map_of({{"name", text_node(comparison.name)}, {"split", text_node(comparison.split)}});
  Node seeds = Node::sequence_of({}), metrics = Node::map_of(), rows = Node::sequence_of({}),
       tried = Node::sequence_of({}), verdict = Node::sequence_of({});
  for (const uint64_t seed : comparison.seeds) seeds.append(Node::scalar_of(std::to_string(seed)));
  for (const auto& [task, metric] : comparison.metrics) metrics.set(task, text_node(metric));
  for (const auto& row : comparison.rows) rows.append(row_node(row));
  for (const auto& point : comparison.tried)
    tried.append(Node::map_of({{"weights", text_node(point.label)},
                               {"validation_delta_m", number_node(point.delta)},
                               {"chosen", Node::scalar_of(point.chosen ? "true" : "false")}}));
  for (const auto& paragraph : comparison_verdict(comparison)) verdict.append(text_node(paragraph));
  node.set("seeds", seeds);
  node.set("metrics", metrics);
  node.set("rows", rows);
  node.set("weights_tried", tried);
  node.set("verdict", verdict);
  return node;
}

void write_comparison(const std::filesystem::path& directory, const Comparison& comparison) {
  write_file_atomically(directory / "compare.md", comparison_markdown(comparison));
  write_file_atomically(directory / "compare.csv", comparison_csv(comparison));
  write_file_atomically(directory / "compare.json", write_json(comparison_node(comparison), 2) + "\n");
}

std::string plan_text(const ComparePlan& plan) {
  TextTable table({"architecture", "method", "trainings", "epochs each", "what"});
  int64_t epochs = 0;
  for (const auto& row : plan.rows) {
    const Node& configuration = plan.members[row.members.front()].configuration;
    const std::string each = configuration.find("train")->text_or("epochs", "");
    epochs += static_cast<int64_t>(row.members.size()) * integer_of(*configuration.find("train")->find("epochs"));
    table.add({row.architecture.empty() ? "–" : row.architecture, row.method, std::to_string(row.members.size()), each,
               row.kind == RowKind::single ? "baseline, one for each task"
               : row.kind == RowKind::grid ? "candidate of the tuned row"
                                           : ""});
  }
  const std::string seeds = plan.seeds.size() == 1
                                ? fmt::format("seed {}", plan.seeds.front())
                                : fmt::format("seeds {} to {}", plan.seeds.front(), plan.seeds.back());
  return table.text() + fmt::format("\n{} trainings, {} epochs at most, {}\n", plan.members.size(), epochs, seeds);
}

}  // namespace polytask
