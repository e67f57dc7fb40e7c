#include <polytask/balancing/combining/trimmed_mean.h>

#include <balancing/combining_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <torch/types.h>

#include <algorithm>

namespace polytask {
namespace {

using testing::HasSubstr;

MakeCombiner with(const std::string& yaml) {
  return [yaml] { return std::make_unique<TrimmedMean>(options_of<TrimmedMeanOptions>(yaml)); };
}

TEST(TrimmedMean, DropsTheExtremesOfEveryColumn) {
  const RowList rows = {{1, 9, -5}, {2, 1, -1}, {6, 2, 0}, {100, 4, 1}, {3, 3, 100}};
  const auto one = combine(*set_up(with("{trim: 1}"), 5), rows_of(rows));
  expect_close(one.direction, {11.0 / 3, 3, 0});
  // Kept of the columns: the first task nowhere, the second in 1 and 3, the third everywhere, …
  expect_close(one.weights.w, {0, 2.0 / 9, 3.0 / 9, 2.0 / 9, 2.0 / 9});
  expect_close(combine(*set_up(with("{trim: 2}"), 5), rows_of(rows)).direction, {3, 3, 0});
  expect_close(combine(*set_up(with("{trim: 0}"), 5), rows_of(rows)).direction, {112.0 / 5, 19.0 / 5, 19});
}

TEST(TrimmedMean, AnOutlierOfAnySizeLeavesNoTrace) {
  const auto got = combine(*set_up(with("{}"), 4), rows_of({{1, 1}, {1e300, -1e300}, {2, 2}, {3, 3}}));
  expect_close(got.direction, {2.5, 1.5}, 1e-15);
}

TEST(TrimmedMean, TrimsLessWhereTasksAreAbsent) {
  const auto combiner = set_up(with("{trim: 2}"), 5);
  expect_close(combine(*combiner, of_tasks(rows_of({{1}, {5}, {90}}), {0, 2, 4}, 5)).direction, {5});
  expect_close(combine(*combiner, of_tasks(rows_of({{1}, {5}}), {0, 4}, 5)).direction, {3});
  expect_absent_take_no_part(with("{}"));
}

TEST(TrimmedMean, OneAndTwoTasksAreTheMeanByDefault) {
  EXPECT_EQ(combine(*set_up(with("{}"), 1), rows_of({{1, -2}})).direction, (std::vector<double>{1, -2}));
  EXPECT_EQ(combine(*set_up(with("{}"), 2), rows_of({{1, -2}, {3, 0}})).direction, (std::vector<double>{2, -1}));
}

TEST(TrimmedMean, RefusesToDropEverything) {
  EXPECT_THAT(message_of<InputError>([] { set_up(with("{trim: 2}"), 4); }),
              HasSubstr("balancing.trim: dropping 2 at each end needs at least 5 tasks, and there are 4"));
  EXPECT_THAT(message_of<InputError>([] { with("{trim: -1}")(); }), HasSubstr("≥ 0"));
}

TEST(TrimmedMean, ManyColumnsAndTasksAgreeWithSorting) {
  at::manual_seed(2);
  for (auto [tasks, k] : {std::pair<int64_t, int64_t>{40, 13}, {7, 3}, {10, 1}}) {
    GradientRows rows = rows_of(RowList(static_cast<size_t>(tasks), {0.0}));
    rows.samples = {torch::randn({tasks, 9001}, torch::kFloat)};
    const at::Tensor sorted = std::get<0>(rows.samples[0].to(torch::kDouble).sort(0));
    const auto combiner = set_up(with("{trim: " + std::to_string(k) + "}"), static_cast<size_t>(tasks));
    expect_close(combine(*combiner, rows).direction, numbers(sorted.narrow(0, k, tasks - 2 * k).mean(0)), 1e-6);
  }
}

TEST(TrimmedMean, StaysFiniteAndKeepsFloat32) {
  expect_finite_whatever_comes(with("{}"));
  expect_float_like_double(with("{}"));
}

RC_GTEST_PROP(TrimmedMeanProperty, LiesBetweenTheExtremesInAnyOrderOfTheTasks, ()) {
  const auto tasks = static_cast<size_t>(*rc::gen::inRange(1, 12));
  const double scale = std::pow(10.0, *rc::gen::inRange(-10, 11));
  RowList rows(tasks, std::vector<double>(5));
  for (auto& row : rows)
    for (double& value : row) value = scale * *rc::gen::inRange(-9, 10);
  const auto k = *rc::gen::inRange<size_t>(0, (tasks - 1) / 2 + 1);
  const std::string yaml = "{trim: " + std::to_string(k) + "}";
  const auto got = combine(*set_up(with(yaml), tasks), rows_of(rows));
  RowList turned = rows;
  std::rotate(turned.begin(), turned.begin() + *rc::gen::inRange<int>(0, static_cast<int>(tasks)), turned.end());
  const auto other = combine(*set_up(with(yaml), tasks), rows_of(turned));
  for (size_t c = 0; c < 5; ++c) {
    std::vector<double> column;
    for (const auto& row : rows) column.push_back(row[c]);
    std::sort(column.begin(), column.end());
    RC_ASSERT(got.direction[c] >= column[k] - 1e-12 * scale);
    RC_ASSERT(got.direction[c] <= column[tasks - 1 - k] + 1e-12 * scale);
    RC_ASSERT(std::abs(got.direction[c] - other.direction[c]) <= 1e-12 * scale);
  }
}

}  // namespace
}  // namespace polytask
