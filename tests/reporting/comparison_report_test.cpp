#include <polytask/io/csv.h>
#include <polytask/io/json.h>
#include <polytask/reporting/comparison_report.h>
#include <polytask/reporting/comparison_verdict.h>

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;
using testing::Not;

ComparedRow row(ComparedRow::Kind kind, const std::string& method, std::vector<double> accuracy,
                std::vector<double> delta) {
  ComparedRow result;
  result.kind = kind;
  result.architecture = kind == ComparedRow::Kind::single ? "" : "hard";
  result.method = method;
  ComparedFigure figure{"kind", {"accuracy", 0, Direction::higher_is_better, ""}, std::move(accuracy), {}};
  figure.spread = mean_interval(figure.values);
  result.figures.push_back(figure);
  result.delta = std::move(delta);
  result.delta_spread = mean_interval(result.delta);
  result.delta_p = kind == ComparedRow::Kind::single ? std::nan("") : result.delta_spread.p;
  result.task_delta["kind"] = result.delta_spread.mean;
  result.against_tuned_p = std::nan("");
  result.step_ms = 1.5;
  result.memory_mib = 200;
  result.parameters = 1234;
  return result;
}

Comparison three_seeds() {
  Comparison comparison;
  comparison.name = "made";
  comparison.tasks = {"kind"};
  comparison.seeds = {1, 2, 3};
  comparison.metrics = {{"kind", "accuracy"}};
  comparison.split = "test";
  comparison.rows = {row(ComparedRow::Kind::single, "single-task", {0.5, 0.51, 0.52}, {}),
                     row(ComparedRow::Kind::method, "good", {0.6, 0.61, 0.62}, {20, 20.5, 19.5}),
                     row(ComparedRow::Kind::method, "bad", {0.4, 0.41, 0.42}, {-20, -20.5, -19.5}),
                     row(ComparedRow::Kind::method, "unclear", {0.5, 0.6, 0.4}, {0, 20, -19})};
  for (size_t r = 0; r < comparison.rows.size(); ++r) comparison.rows[r].planned = r;
  return comparison;
}

std::string verdict_of(const Comparison& comparison) {
  return fmt::format("{}", fmt::join(comparison_verdict(comparison), "\n"));
}

TEST(ComparisonVerdict, NamesWhatTheSpreadSupportsAndNothingElse) {
  const auto text = verdict_of(three_seeds());
  EXPECT_THAT(text, HasSubstr("Better than the single-task models: hard, good (+20.00 %"));
  EXPECT_THAT(text, HasSubstr("Worse: hard, bad"));
  EXPECT_THAT(text, Not(HasSubstr("unclear")));
  EXPECT_THAT(text, HasSubstr("3 seeds, test rows"));
}

TEST(ComparisonVerdict, SaysWhereNothingIsShown) {
  auto comparison = three_seeds();
  comparison.rows.erase(comparison.rows.begin() + 1, comparison.rows.begin() + 3);
  EXPECT_THAT(verdict_of(comparison), HasSubstr("Nothing here is shown to be better than the single-task models"));
}

TEST(ComparisonVerdict, OneSeedTellsNothingApart) {
  auto comparison = three_seeds();
  comparison.seeds = {1};
  const auto text = verdict_of(comparison);
  EXPECT_THAT(text, HasSubstr("One seed: nothing can be told apart"));
  EXPECT_THAT(text, Not(HasSubstr("Better than")));
}

TEST(ComparisonVerdict, SaysWhichRowsAreNotJudged) {
  auto comparison = three_seeds();
  const auto planned = comparison.rows[1].planned;
  comparison.rows[1] = row(ComparedRow::Kind::method, "good", {0.6, 0.61, 0.62}, {20, std::nan(""), 19.5});
  comparison.rows[1].planned = planned;
  comparison.rows[1].delta_p = std::nan("");
  EXPECT_THAT(verdict_of(comparison), HasSubstr("hard, good: not judged: delta m has no value for 1 of 3 seeds"));
  EXPECT_THAT(verdict_of(comparison), HasSubstr("Holm's correction for 2 rows"));
}

TEST(ComparisonVerdict, TrainingsThatTwoRowsShowAreNamedOnce) {
  auto comparison = three_seeds();
  comparison.rows.push_back(comparison.rows[1]);
  EXPECT_THAT(verdict_of(comparison), HasSubstr("Holm's correction for 3 rows"));
  comparison.rows = {comparison.rows[0], comparison.rows[1]};
  EXPECT_THAT(verdict_of(comparison), HasSubstr("Holm's correction for 1 row."));
}

TEST(ComparisonVerdict, ADifferenceToTunedWeightsIsInPoints) {
  auto comparison = three_seeds();
  comparison.rows[1].against_tuned = comparison.rows[1].delta_spread;
  comparison.rows[1].against_tuned_p = comparison.rows[1].delta_p;
  comparison.rows.push_back(row(ComparedRow::Kind::tuned, "tuned weights (equal)", {0.5, 0.5, 0.5}, {0, 1, 2}));
  comparison.rows.back().planned = 9;
  comparison.tried = {{"equal", 1, true}};
  EXPECT_THAT(verdict_of(comparison), HasSubstr("Better than tuned constant weights: hard, good (+20.00 points"));
  EXPECT_THAT(verdict_of(comparison), HasSubstr("only equal weights were tried"));
}

TEST(ComparisonVerdict, ClaimsNothingWhereNothingWasMeasured) {
  auto comparison = three_seeds();
  comparison.split = "";
  for (auto& each : comparison.rows) each.problem = "failed: killed";
  const auto text = verdict_of(comparison);
  EXPECT_THAT(text, HasSubstr("Nothing can be compared: no row has figures of every task with any seed."));
  EXPECT_THAT(text, HasSubstr("hard, good: failed: killed"));
  EXPECT_THAT(text, Not(HasSubstr("validation rows")));
  EXPECT_THAT(comparison_markdown(comparison), Not(HasSubstr("Every figure on")));
}

TEST(ComparisonVerdict, NamesProblemsAndTheLackOfTestRows) {
  auto comparison = three_seeds();
  comparison.split = "validation";
  comparison.rows[3].problem = "failed: the loss is not finite";
  const auto text = verdict_of(comparison);
  EXPECT_THAT(text, HasSubstr("there are no test rows: they also chose checkpoints."));
  EXPECT_THAT(text, HasSubstr("hard, unclear: failed: the loss is not finite"));
}

TEST(ComparisonReport, TextHasTheFiguresThatCount) {
  const auto text = comparison_text(three_seeds());
  EXPECT_THAT(text, HasSubstr("kind accuracy ↑"));
  EXPECT_THAT(text, HasSubstr("0.61 ± 0.01"));
  EXPECT_THAT(text, HasSubstr("+20.00"));
  EXPECT_THAT(text, HasSubstr("[+18.76, +21.24]"));  // 4.3027 · 0.5 / √3 = 1.2421
}

TEST(ComparisonReport, TheBaselineHasNoInterval) {
  const auto text = comparison_text(three_seeds());
  EXPECT_THAT(text.substr(0, text.find("good")), Not(HasSubstr("[")));
}

TEST(ComparisonReport, CsvHasALineForEveryFigureAndSeed) {
  const auto table = parse_csv(comparison_csv(three_seeds()), "compare.csv");
  EXPECT_EQ(table.rows(), 4 + 3 * 5);
  const auto seed = static_cast<size_t>(table.column_index("seed 2"));
  EXPECT_EQ(table.columns[seed][0], "0.51");
}

TEST(ComparisonReport, WhatIsNotKnownIsADash) {
  auto comparison = three_seeds();
  comparison.rows[1].task_delta["kind"] = std::nan("");
  comparison.rows[1].parameters = 0;
  EXPECT_THAT(comparison_markdown(comparison), Not(HasSubstr("nan")));
  EXPECT_THAT(comparison_csv(comparison), Not(HasSubstr("parameters,,,0")));
  EXPECT_TRUE(std::isnan(json_number(*comparison_node(comparison).find("rows")->items()[1].find("parameters"))));
}

TEST(ComparisonReport, JsonHoldsTheVerdict) {
  const Node node = parse_json(write_json(comparison_node(three_seeds())), "compare.json");
  EXPECT_EQ(node.find("rows")->items().size(), 4u);
  EXPECT_FALSE(node.find("verdict")->items().empty());
  const Node& good = node.find("rows")->items()[1];
  EXPECT_EQ(json_number(good.find("delta_m")->find("seeds")->items()[1]), 20.5);
}

}  // namespace
}  // namespace polytask
