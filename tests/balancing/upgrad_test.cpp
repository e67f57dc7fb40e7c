#include <balancing/fairness_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace polytask {
namespace {

using ::testing::HasSubstr;

const std::string kMethod = "{method: upgrad}";

// No precondition: without a ridge no task is opposed, whatever the rows.
RC_GTEST_PROP(Upgrad, OpposesNoTask, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const TaskRows rows = make_rows(given);
  const GramWeights got = weights_for(kMethod, rows);
  RC_ASSERT(got.solver.solved);
  for (double w : got.w) RC_ASSERT(std::isfinite(w) && w >= 0);
  RC_ASSERT(least_gain(rows, got.w) >= -1e-11);
}

// The direction is unique though the weights need not be. Precondition: rows of one scale and no zeros among singular
// values but exact ones, so that M determines the direction.
RC_GTEST_PROP(Upgrad, OrderOfTasksAndScaleOfAllGradientsDoNotMatter, ()) {
  RowsCase given = any_rows(20);
  given.row_decades = given.decade = 0;
  show_rows(given);
  const TaskRows rows = make_rows(given);
  Random random(given.seed, "order");
  const TaskRows other = reordered(rows, random.permutation(given.rows));
  const auto w = weights_for(kMethod, rows).w, other_w = weights_for(kMethod, other).w;
  const auto direction = direction_of(rows, w);
  RC_ASSERT(distance_of(rows, w, direction, direction_of(other, other_w)) < 1e-6);
  const double factor = std::pow(10.0, *rc::gen::inRange(-10, 11));
  const TaskRows large = scaled(rows, factor);
  const auto large_direction = scaled({direction_of(large, weights_for(kMethod, large).w)}, 1 / factor).front();
  RC_ASSERT(distance_of(rows, w, direction, large_direction) < 1e-6);
}

// Precondition: as above. The step is additive and homogeneous in positive factors on the rows.
RC_GTEST_PROP(Upgrad, IsLinearUnderScalingOfTheRows, ()) {
  RowsCase given = any_rows(12);
  given.row_decades = given.decade = 0;
  show_rows(given);
  const TaskRows rows = make_rows(given);
  Random random(given.seed, "factors");
  TaskRows first = rows, second = rows, both = rows;
  for (size_t t = 0; t < rows.size(); ++t) {
    const double one = random.uniform(0.1, 3.0), two = random.uniform(0.1, 3.0);
    for (size_t k = 0; k < rows[t].size(); ++k) {
      first[t][k] *= one;
      second[t][k] *= two;
      both[t][k] *= one + two;
    }
  }
  const auto w = weights_for(kMethod, both).w;
  auto sum = direction_of(first, weights_for(kMethod, first).w);
  const auto rest = direction_of(second, weights_for(kMethod, second).w);
  for (size_t k = 0; k < sum.size(); ++k) sum[k] += rest[k];
  RC_ASSERT(distance_of(both, w, direction_of(both, w), sum) < 1e-6);
}

TEST(Upgrad, SumsTheProjectionsOfTheTasks) {
  // π(g₁) = (½, ½), π(g₂) = (0, 1): half the sum is (¼, ¾).
  const TaskRows rows = {{1, 0}, {-1, 1}};
  const auto direction = direction_of(rows, weights_for(kMethod, rows).w);
  EXPECT_NEAR(direction[0], 0.25, 1e-15);
  EXPECT_NEAR(direction[1], 0.75, 1e-15);
  const auto preferred = direction_of(rows, weights_for("{method: upgrad, preference: [2, 0]}", rows).w);
  EXPECT_NEAR(preferred[0], 1, 1e-15);
  EXPECT_NEAR(preferred[1], 1, 1e-15);
}
TEST(Upgrad, GradientsThatAgreeAreAveraged) {
  EXPECT_EQ(weights_for(kMethod, {{1, 0}, {1, 1}}).w, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(weights_for(kMethod, {{1, 2}, {1, 2}, {1, 2}, {1, 2}}).w, std::vector<double>(4, 0.25));
}

TEST(Upgrad, OneTaskIsPlainTraining) {
  EXPECT_EQ(weights_for(kMethod, {{3, 4}}).w, (std::vector<double>{1}));
  EXPECT_EQ(weights_for(kMethod, {{0, 0}}).w, (std::vector<double>{1}));
}

TEST(Upgrad, OppositeDuplicateZeroAndBadlyScaledRows) {
  const TaskRows rows = {{1e9, 0}, {-1e-9, 0}, {1e9, 0}, {0, 0}};
  const GramWeights got = weights_for(kMethod, rows);
  EXPECT_TRUE(got.solver.solved);
  EXPECT_GE(least_gain(rows, got.w), -1e-15);
  EXPECT_NEAR(direction_of(rows, got.w)[0] / 1e9, 0, 1e-15);
  EXPECT_EQ(weights_for(kMethod, {{0, 0}, {0, 0}}).w, (std::vector<double>{0.5, 0.5}));
}

TEST(Upgrad, PeersRidgeAndFloor) {
  const TaskRows rows = {{3, 0}, {-1, 0.1}};
  const auto exact = weights_for(kMethod, rows).w, peer = weights_for("{method: upgrad, convention: torchjd}", rows).w;
  EXPECT_GT(std::abs(exact[1] - peer[1]), 1e-5);
  const std::string one = "{method: upgrad, preference: [1, 0]";
  EXPECT_LT(least_gain(rows, weights_for(one + ", convention: torchjd}", rows).w), -1e-6);
  EXPECT_GT(least_gain(rows, weights_for(one + "}", rows).w), -1e-15);
  EXPECT_EQ(peer, weights_for("{method: upgrad, norm_eps: 1e-4, reg_eps: 1e-4}", rows).w);
  EXPECT_EQ(weights_for("{method: upgrad, convention: libmtl, norm_eps: 0, reg_eps: 0}", rows).w, exact);
  EXPECT_EQ(weights_for("{method: upgrad, convention: torchjd}", scaled(rows, 1e-3)).w,
            (std::vector<double>{0.5, 0.5}));
}

TEST(Upgrad, AbsentTasksTakeNoPart) { expect_absent_tasks_ignored(kMethod); }

TEST(Upgrad, GradientsThatAreNotFiniteAreReported) {
  const GramWeights got = weights_for(kMethod, {{std::numeric_limits<double>::quiet_NaN()}, {1}});
  EXPECT_FALSE(got.solver.solved);
  EXPECT_EQ(got.w, (std::vector<double>{0.5, 0.5}));
}

TEST(Upgrad, ErrorsNameTheOption) {
  const auto text = [](const std::string& yaml) {
    return message_of<InputError>([&] { make_balancer(yaml, numbered_tasks(2)); });
  };
  EXPECT_THAT(text("{method: upgrad, preference: [1, 2, 3]}"),
              HasSubstr("balancing.preference: 3 entries for 2 tasks"));
  EXPECT_THAT(text("{method: upgrad, preference: [1, -2]}"), HasSubstr("balancing.preference: -2"));
  EXPECT_THAT(text("{method: upgrad, reg_eps: -1}"), HasSubstr("must be ≥ 0"));
}

}  // namespace
}  // namespace polytask
