#include <polytask/reporting/comparison_verdict.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace polytask {
namespace {

constexpr double kLevel = 0.05;
using Kind = ComparedRow::Kind;

std::string interval_text(const MeanInterval& interval, const std::string& unit) {
  return fmt::format("{:+.2f} {}, 95 % interval {:+.2f} to {:+.2f}", interval.mean, unit, interval.low, interval.high);
}

std::string p_text(double p) { return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.3f}", p); }

// Rows with a spread and a corrected p-value, best first; of rows that show the same trainings only one.
struct Question {
  const MeanInterval ComparedRow::*spread;
  double ComparedRow::*p;
  std::string unit;  // of the spread: Δm is in per cent, a difference of two in percentage points

  std::vector<const ComparedRow*> rows(const Comparison& comparison) const {
    std::vector<const ComparedRow*> result;
    std::set<size_t> known;
    for (const auto& row : comparison.rows)
      if (!std::isnan(row.*p) && known.insert(row.planned).second) result.push_back(&row);
    std::stable_sort(result.begin(), result.end(),
                     [&](const auto* a, const auto* b) { return (a->*spread).mean > (b->*spread).mean; });
    return result;
  }
  std::vector<std::string> proven(const std::vector<const ComparedRow*>& rows, bool better) const {
    std::vector<std::string> names;
    for (const auto* row : rows)
      if (row->*p < kLevel && ((row->*spread).mean > 0) == better)
        names.push_back(fmt::format("{} ({}, {})", row_name(*row), interval_text(row->*spread, unit), p_text(row->*p)));
    return names;
  }
};

// The answer to one question; `against` is what the rows are compared with.
std::string answer(const Question& question, const Comparison& comparison, const std::string& against) {
  const auto rows = question.rows(comparison);
  if (rows.empty()) return fmt::format("Against {}: no row can be judged.", against);
  const auto better = question.proven(rows, true), worse = question.proven(rows, false);
  const ComparedRow& best = *rows.front();
  std::string text =
      better.empty()
          ? fmt::format("Nothing here is shown to be better than {}: the best, {}, differs by {} ({}).", against,
                        row_name(best), interval_text(best.*question.spread, question.unit), p_text(best.*question.p))
          : fmt::format("Better than {}: {}.", against, fmt::join(better, "; "));
  if (!worse.empty()) text += fmt::format(" Worse: {}.", fmt::join(worse, "; "));
  return text + fmt::format(" (Paired t-tests over {} seeds, Holm's correction for {} row{}.)", comparison.seeds.size(),
                            rows.size(), rows.size() == 1 ? "" : "s");
}

std::string tuning_text(const Comparison& comparison) {
  if (!comparison.untuned.empty()) return "There is no row of tuned weights: " + comparison.untuned + ".";
  const auto chosen =
      std::find_if(comparison.tried.begin(), comparison.tried.end(), [](const auto& point) { return point.chosen; });
  if (chosen == comparison.tried.end()) return "Constant weights were not tuned.";
  if (comparison.tried.size() == 1)
    return "The tuned row is that of equal weights: only equal weights were tried. No other row was tuned: methods ran "
           "with the options of the configuration.";
  return fmt::format(
      "The tuned row is the best of {} constant weights by mean delta m on validation rows over the same seeds ({}). "
      "No "
      "other row was tuned: methods ran with the options of the configuration.",
      comparison.tried.size(), chosen->label);
}

// Rows that are not judged although their own trainings are finished.
std::vector<std::string> gap_texts(const Comparison& comparison) {
  std::vector<std::string> texts;
  const size_t seeds = comparison.seeds.size();
  for (const auto& row : comparison.rows) {
    const auto known = static_cast<size_t>(row.delta_spread.count);
    if (row.kind != Kind::single && row.problem.empty() && known < seeds)
      texts.push_back(fmt::format(
          "{}: not judged: delta m has no value for {} of {} seed{} (a training of the baseline is missing, a metric "
          "has no value, or a baseline is 0)",
          row_name(row), seeds - known, seeds, seeds == 1 ? "" : "s"));
  }
  return texts;
}

std::string basis_text(const Comparison& comparison) {
  if (comparison.split.empty()) return "Nothing can be compared: no row has figures of every task with any seed.";
  std::vector<std::string> metrics;
  for (const auto& task : comparison.tasks)
    if (const auto found = comparison.metrics.find(task); found != comparison.metrics.end())
      metrics.push_back(task + " " + found->second);
  return fmt::format(
      "Delta m: mean improvement over the single-task models of the same seed, in per cent of their {}; {} seed{}, {} "
      "rows{}.",
      fmt::join(metrics, ", "), comparison.seeds.size(), comparison.seeds.size() == 1 ? "" : "s", comparison.split,
      comparison.split == "test" ? ", which took no part in training or choosing"
      : comparison.tried.empty() ? ", because there are no test rows: they also chose checkpoints"
                                 : ", because there are no test rows: they also chose checkpoints and weights");
}

bool has_tuned(const Comparison& comparison) {
  return std::any_of(comparison.rows.begin(), comparison.rows.end(),
                     [](const auto& row) { return row.kind == Kind::tuned; });
}

// What the seeds tell.
std::vector<std::string> answers(const Comparison& comparison) {
  if (comparison.seeds.size() < 2)
    return {"One seed: nothing can be told apart. Any difference may be chance; compare with three seeds or more."};
  std::vector<std::string> texts = {
      answer({&ComparedRow::delta_spread, &ComparedRow::delta_p, "%"}, comparison, "the single-task models")};
  if (has_tuned(comparison))
    texts.push_back(answer({&ComparedRow::against_tuned, &ComparedRow::against_tuned_p, "points"}, comparison,
                           "tuned constant weights"));
  if (comparison.seeds.size() == 2)
    texts.emplace_back("Two seeds show only differences that are very large against their spread.");
  return texts;
}

}  // namespace

std::string row_name(const ComparedRow& row) {
  return row.architecture.empty() ? row.method : row.architecture + ", " + row.method;
}

std::vector<std::string> comparison_verdict(const Comparison& comparison) {
  std::vector<std::string> paragraphs = {basis_text(comparison)};
  if (!comparison.split.empty()) {
    for (auto& text : answers(comparison)) paragraphs.push_back(std::move(text));
    paragraphs.push_back(tuning_text(comparison));
    for (auto& text : gap_texts(comparison)) paragraphs.push_back(std::move(text));
  }
  for (const auto& row : comparison.rows)
    if (!row.problem.empty()) paragraphs.push_back(row_name(row) + ": " + row.problem);
  return paragraphs;
}

}  // namespace polytask
