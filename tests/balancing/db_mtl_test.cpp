#include <polytask/balancing/combining/db_mtl.h>

#include <balancing/combining_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

MakeCombiner with(const std::string& yaml) {
  return [yaml] { return std::make_unique<DbMtl>(options_of<DbMtlOptions>(yaml)); };
}

TEST(DbMtl, BringsTrackedLogGradientsToOneLength) {
  const auto combiner = set_up(with("{beta: 0.5, beta_sigma: 0, epsilon: 1e-12}"), 2);
  // ĝ = (3, 0)/2, (0, 1)/4; b is half of it; lengths ¾ and 1/8.
  const auto got = combine(*combiner, rows_of({{3, 0}, {0, 1}}, {2, 4}));
  expect_close(got.direction, {0.75, 0.75}, 1e-10);
  expect_close(got.weights.heads, {0.5, 0.25}, 1e-10);
  expect_close(got.weights.shown.at("scale"), {1, 6}, 1e-10);
  expect_close(got.weights.w, {0.25, 6 * 0.5 * 0.25}, 1e-10);
  expect_close(numbers(combiner->state().at("b")), {0.75, 0, 0, 0.125}, 1e-10);
  // b = ½ b + ½ ĝ with ĝ = (0, 2), (4, 0).
  const auto second = combine(*combiner, rows_of({{0, 2}, {4, 0}}, {1, 1}));
  const double first = std::hypot(0.375, 1), other = std::hypot(2, 0.0625), longest = std::max(first, other);
  expect_close(second.direction, {longest * (0.375 / first + 2 / other), longest * (1 / first + 0.0625 / other)},
               1e-10);
  EXPECT_EQ(combiner->heads(), HeadGradient::weighted);
}

TEST(DbMtl, TheShareKeptFallsWithTheStep) {
  const auto combiner = set_up(with("{beta: 0.5, beta_sigma: 1}"), 1);
  combine(*combiner, rows_of({{8}}));                                     // b = 4
  EXPECT_NEAR(combine(*combiner, rows_of({{8}})).direction[0], 7, 1e-6);  // β = ¼
}

TEST(DbMtl, OneTaskIsItsLogarithm) {
  const auto got = combine(*set_up(with("{beta: 0}"), 1), rows_of({{3, -4}}, {2}));
  expect_close(got.direction, {1.5, -2}, 1e-7);
  expect_close(got.weights.w, {0.5}, 1e-7);
}

TEST(DbMtl, NamesTheTaskWhoseLossIsNotPositive) {
  const auto combiner = with("{}")();
  combiner->setup(tasks_named({"digit", "depth"}));
  const std::string text = message_of<WorkError>([&] { combine(*combiner, rows_of({{1}, {1}}, {1, -0.5})); });
  EXPECT_THAT(text, HasSubstr("db_mtl: the loss of task \"depth\" is -0.5 in step 0"));
  EXPECT_EQ(combiner->state().at("step").item<int64_t>(), 0);  // nothing has moved
}

TEST(DbMtl, StaysFiniteAndKeepsFloat32) {
  expect_finite_whatever_comes(with("{}"));
  expect_float_like_double(with("{}"));
}

TEST(DbMtl, ResumesBitForBit) { expect_resumes(with("{beta_sigma: 0.5}")); }

TEST(DbMtl, AbsentTasksTakeNoPartAndKeepTheirState) {
  expect_absent_keep_state(with("{}"));
  expect_absent_take_no_part(with("{}"));
}

TEST(DbMtl, SaysWhatDoesNotFit) {
  expect_refuses_other_columns(with("{}"));
  expect_refuses_representation(with("{}"));
  EXPECT_THAT(message_of<InputError>([] { with("{beta: 1.5}")(); }), HasSubstr("beta"));
  EXPECT_THAT(message_of<WorkError>([] { set_up(with("{}"), 2)->load_state({}); }), HasSubstr("has no \"step\""));
}

RC_GTEST_PROP(DbMtlProperty, ScaleAndLossOfATaskDoNotMatter, ()) {
  const auto tasks = static_cast<size_t>(*rc::gen::inRange(1, 7));
  RowList rows(tasks, std::vector<double>(4)), scaled;
  for (auto& row : rows)
    for (double& value : row) value = *rc::gen::inRange(1, 10);
  scaled = rows;
  std::vector<double> losses(tasks, 1.0);
  for (size_t t = 0; t < tasks; ++t) {
    losses[t] = std::pow(10.0, *rc::gen::inRange(-3, 10));  // a loss in other units: L and g times the same
    for (double& value : scaled[t]) value *= losses[t];
  }
  const auto got = combine(*set_up(with("{epsilon: 1e-14}"), tasks), rows_of(rows)).direction;
  const auto other = combine(*set_up(with("{epsilon: 1e-14}"), tasks), rows_of(scaled, losses)).direction;
  for (size_t c = 0; c < got.size(); ++c) RC_ASSERT(std::abs(got[c] - other[c]) < 1e-8 * std::abs(got[c]) + 1e-10);
}

}  // namespace
}  // namespace polytask
