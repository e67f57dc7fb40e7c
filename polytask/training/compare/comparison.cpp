#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/training/compare/comparison.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace polytask {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
using Results = std::vector<MemberResult>;

bool finished(const MemberResult& result) { return result.state == MemberResult::State::finished; }

// The figures of a row with one seed, over all tasks; empty where a training is not finished or was not measured.
TaskFigures seed_figures(const ComparePlan& plan, const PlannedRow& row, size_t seed, const Results& results,
                         TaskFigures MemberResult::*split) {
  TaskFigures figures;
  for (const size_t member : row.members) {
    if (static_cast<size_t>(plan.members[member].seed) != seed) continue;
    if (!finished(results[member])) return {};
    for (const auto& [task, values] : results[member].*split) figures[task] = values;
  }
  const bool all =
      std::all_of(plan.tasks.begin(), plan.tasks.end(), [&](const auto& task) { return figures.count(task) > 0; });
  return all ? figures : TaskFigures();
}

bool counts(const std::string& figure, const std::string& metric) {
  return figure == metric || figure.rfind(metric + "/", 0) == 0;
}

// The figures of every task that count in Δm: the metric itself, or that of each of its targets where it has no mean.
TaskFigures counting(const TaskFigures& figures, const std::map<std::string, std::string>& metrics) {
  TaskFigures result;
  for (const auto& [task, values] : figures) {
    if (metrics.count(task) == 0) continue;  // a coupling's
    const std::string& metric = metrics.at(task);
    for (const auto& value : values)
      if (value.name == metric) result[task] = {value};
    if (result.count(task) > 0) continue;
    for (const auto& value : values)
      if (counts(value.name, metric)) result[task].push_back(value);
  }
  return result;
}

// Δm of a row with every seed on one split.
class Deltas {
 public:
  Deltas(const ComparePlan& plan, const Results& results, TaskFigures MemberResult::*split,
         std::map<std::string, std::string> metrics)
      : plan_(plan), results_(results), split_(split), metrics_(std::move(metrics)) {}

  std::optional<DeltaM> of(const PlannedRow& row, size_t seed) const {
    const auto baseline = seed_figures(plan_, plan_.rows.front(), seed, results_, split_);
    const auto figures = seed_figures(plan_, row, seed, results_, split_);
    if (baseline.empty() || figures.empty()) return std::nullopt;
    return delta_m(counting(figures, metrics_), counting(baseline, metrics_));
  }
  std::vector<double> of(const PlannedRow& row) const {
    std::vector<double> values;
    for (size_t seed = 0; seed < plan_.seeds.size(); ++seed) {
      const auto delta = of(row, seed);
      values.push_back(delta ? delta->mean : kNone);
    }
    return values;
  }

 private:
  const ComparePlan& plan_;
  const Results& results_;
  TaskFigures MemberResult::*split_;
  std::map<std::string, std::string> metrics_;
};

// The figures of any row and seed that has them all, the single-task models first.
TaskFigures any_figures(const ComparePlan& plan, const Results& results, TaskFigures MemberResult::*split) {
  for (const auto& row : plan.rows)
    for (size_t seed = 0; seed < plan.seeds.size(); ++seed) {
      auto figures = seed_figures(plan, row, seed, results, split);
      if (!figures.empty()) return figures;
    }
  return {};
}

std::string task_type(const ComparePlan& plan, const std::string& task) {
  const Node* tasks = plan.members.front().configuration.find("tasks");
  for (const auto& member : plan.members)
    if (member.task.empty() || member.task == task) tasks = member.configuration.find("tasks");
  const Node* section = tasks->find(task);
  return section != nullptr ? section->text_or("type", "") : "";
}

std::string usual_metric(const std::string& type) {
  if (type == "classification") return "accuracy";
  if (type == "binary" || type == "multilabel") return "auroc";
  if (type == "segmentation") return "miou";
  return type == "regression" || type == "dense_regression" ? "rmse" : "";
}

std::string problem_of(const PlannedRow& row, const Results& results) {
  size_t bad = 0;
  const MemberResult* first = nullptr;
  for (const size_t member : row.members) {
    if (finished(results[member])) continue;
    if (bad++ == 0) first = &results[member];
  }
  if (bad == 0) return "";
  const bool refused = first->state == MemberResult::State::refused;
  const std::string share =
      bad < row.members.size() ? fmt::format(" ({} of {} trainings)", bad, row.members.size()) : "";
  return fmt::format("{}{}: {}", refused ? "refused" : "failed", share, first->reason);
}

// By task, then by coupling.
void add_figures(const ComparePlan& plan, const std::vector<TaskFigures>& by_seed, ComparedRow& row) {
  const auto with = std::find_if(by_seed.begin(), by_seed.end(), [](const auto& f) { return !f.empty(); });
  if (with == by_seed.end()) return;
  std::vector<std::string> owners = plan.tasks;
  for (const auto& [name, figures] : *with)
    if (std::find(owners.begin(), owners.end(), name) == owners.end()) owners.push_back(name);
  for (const auto& task : owners) {
    const auto& figures = with->at(task);
    for (size_t f = 0; f < figures.size(); ++f) {
      ComparedFigure compared{task, figures[f], {}, {}};
      for (const auto& seed : by_seed) compared.values.push_back(seed.empty() ? kNone : seed.at(task).at(f).value);
      compared.spread = mean_interval(compared.values);
      compared.figure.value = compared.spread.mean;
      row.figures.push_back(std::move(compared));
    }
  }
}

double median(std::vector<double> values) {
  values.erase(std::remove_if(values.begin(), values.end(), [](double v) { return std::isnan(v); }), values.end());
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// Single-task models cost what all of them cost in time and size; only one is in memory at a time. A sum that lacks a
// task is no cost.
void add_costs(const ComparePlan& plan, const PlannedRow& planned, const Results& results, ComparedRow& row) {
  std::map<std::string, std::vector<double>> times;
  std::map<std::string, int64_t> sizes;
  row.step_ms = row.memory_mib = kNone;
  double memory = kNone;
  for (const size_t member : planned.members) {
    if (!finished(results[member])) continue;
    const std::string& task = plan.members[member].task;
    times[task].push_back(results[member].step_ms);
    sizes[task] = results[member].parameters;
    memory = std::fmax(memory, results[member].memory_mib);
  }
  if (times.size() < (planned.kind == RowKind::single ? plan.tasks.size() : 1)) return;
  row.memory_mib = memory;
  row.step_ms = 0;
  for (const auto& [task, values] : times) row.step_ms += median(values);
  for (const auto& [task, size] : sizes) row.parameters += size;
}

void add_deltas(const Deltas& deltas, const PlannedRow& planned, ComparedRow& row) {
  row.delta = deltas.of(planned);
  row.delta_spread = mean_interval(row.delta);
  std::map<std::string, std::vector<double>> by_task;
  for (size_t seed = 0; seed < row.delta.size(); ++seed)
    if (const auto delta = deltas.of(planned, seed))
      for (const auto& [task, value] : delta->tasks) by_task[task].push_back(value);
  for (const auto& [task, values] : by_task) row.task_delta[task] = mean_interval(values).mean;
}

// Holm's correction of what belongs to some of the plan's rows.
std::map<size_t, double> corrected(const std::map<size_t, double>& p) {
  std::vector<double> values;
  values.reserve(p.size());
  for (const auto& [row, value] : p) values.push_back(value);
  values = holm(values);
  std::map<size_t, double> result;
  for (const auto& [row, value] : p) result[row] = values[result.size()];
  return result;
}

// p-values over the rows that have Δm with every seed. Trainings that two rows show are one hypothesis.
void correct(Comparison& comparison) {
  const size_t seeds = comparison.seeds.size();
  const auto whole = [seeds](const MeanInterval& spread) { return static_cast<size_t>(spread.count) == seeds; };
  const auto& rows = comparison.rows;
  const auto tuned =
      std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.kind == ComparedRow::Kind::tuned; });
  const std::vector<double> tuned_delta = tuned != rows.end() ? tuned->delta : std::vector<double>();
  const size_t tuned_row = tuned != rows.end() ? tuned->planned : 0;
  std::map<size_t, double> against_single, against_tuned;
  for (auto& row : comparison.rows) {
    if (row.kind == ComparedRow::Kind::single) continue;
    if (!tuned_delta.empty()) row.against_tuned = mean_interval(differences(row.delta, tuned_delta));
    if (!row.problem.empty() || !whole(row.delta_spread)) continue;
    against_single[row.planned] = row.delta_spread.p;
    if (!tuned_delta.empty() && row.planned != tuned_row && whole(row.against_tuned))
      against_tuned[row.planned] = row.against_tuned.p;
  }
  against_single = corrected(against_single);
  against_tuned = corrected(against_tuned);
  const auto value_of = [](const std::map<size_t, double>& p, const ComparedRow& row) {
    const auto found = p.find(row.planned);
    return found == p.end() ? kNone : found->second;
  };
  for (auto& row : comparison.rows) {
    row.delta_p = value_of(against_single, row);
    row.against_tuned_p = value_of(against_tuned, row);
  }
}

}  // namespace

std::map<std::string, std::string> counting_metrics(const ComparePlan& plan, const TaskFigures& figures) {
  std::map<std::string, std::string> metrics;
  for (const auto& [task, values] : figures) {
    if (std::find(plan.tasks.begin(), plan.tasks.end(), task) == plan.tasks.end()) continue;  // a coupling's
    std::vector<std::string> names;
    for (const auto& value : values) names.push_back(value.name);
    const auto asked = plan.metrics.find(task);
    const std::string wanted = asked != plan.metrics.end() ? asked->second : usual_metric(task_type(plan, task));
    const bool known = std::any_of(names.begin(), names.end(), [&](const auto& name) { return counts(name, wanted); });
    if (!known && asked != plan.metrics.end())
      throw InputError("compare.metrics.{}: the task has no metric \"{}\"{}", task, wanted,
                       did_you_mean(wanted, names));
    if (names.empty())
      throw InputError("compare: task \"{}\" has no metric; give it one in tasks.{}.metrics", task, task);
    metrics[task] = known ? wanted : names.front();
  }
  return metrics;
}

std::vector<TriedWeights> try_weights(const ComparePlan& plan, const Results& results) {
  const auto figures = any_figures(plan, results, &MemberResult::validation);
  std::vector<TriedWeights> tried;
  const Deltas deltas(plan, results, &MemberResult::validation, counting_metrics(plan, figures));
  size_t best = plan.candidates.size();
  for (const size_t row : plan.candidates) {
    const auto values = deltas.of(plan.rows[row]);
    double mean = 0;  // NaN as soon as one seed is
    for (const double value : values) mean += value / static_cast<double>(values.size());
    const bool equal = plan.rows[row].kind == RowKind::method;
    tried.push_back({equal ? "equal" : plan.rows[row].method, mean, false});
    if (!std::isnan(mean) && (best == plan.candidates.size() || mean > tried[best].delta)) best = tried.size() - 1;
  }
  if (best < tried.size()) tried[best].chosen = true;
  return tried;
}

Comparison summarise(const ComparePlan& plan, const Results& results, const std::vector<TriedWeights>& tried) {
  const bool test = std::any_of(results.begin(), results.end(),
                                [](const auto& result) { return finished(result) && result.has_test_rows; });
  const auto split = test ? &MemberResult::test : &MemberResult::validation;
  const auto some = any_figures(plan, results, split);
  Comparison comparison{plan.name, plan.tasks, plan.seeds, counting_metrics(plan, some), "", {}, tried, ""};
  if (!some.empty()) comparison.split = test ? "test" : "validation";
  const Deltas deltas(plan, results, split, comparison.metrics);
  const auto add = [&](size_t number, ComparedRow::Kind kind, const std::string& method) {
    const PlannedRow& planned = plan.rows[number];
    ComparedRow row;
    row.kind = kind;
    row.planned = number;
    row.architecture = planned.architecture;
    row.method = method;
    row.problem = problem_of(planned, results);
    std::vector<TaskFigures> by_seed;
    for (size_t seed = 0; seed < plan.seeds.size(); ++seed)
      by_seed.push_back(seed_figures(plan, planned, seed, results, split));
    add_figures(plan, by_seed, row);
    add_costs(plan, planned, results, row);
    if (kind != ComparedRow::Kind::single) add_deltas(deltas, planned, row);
    comparison.rows.push_back(std::move(row));
  };
  add(0, ComparedRow::Kind::single, "single-task");
  const auto chosen = std::find_if(tried.begin(), tried.end(), [](const auto& point) { return point.chosen; });
  if (chosen != tried.end())
    add(plan.candidates[static_cast<size_t>(chosen - tried.begin())], ComparedRow::Kind::tuned,
        "tuned " + (chosen->label == "equal" ? "weights (equal)" : chosen->label));
  else if (!plan.candidates.empty())
    comparison.untuned = "no weights could be chosen: that needs validation rows and trainings that are finished";
  for (size_t r = 1; r < plan.rows.size(); ++r)
    if (plan.rows[r].kind == RowKind::method) add(r, ComparedRow::Kind::method, plan.rows[r].method);
  correct(comparison);
  return comparison;
}

}  // namespace polytask
