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

const std::string kMethod = "{method: dualproj}";

// No precondition: without a ridge no task is opposed, whatever the rows.
RC_GTEST_PROP(DualProj, OpposesNoTask, ()) {
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
RC_GTEST_PROP(DualProj, OrderOfTasksAndScaleOfAllGradientsDoNotMatter, ()) {
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

TEST(DualProj, ProjectsTheMeanGradient) {
  const TaskRows rows = {{3, 0}, {-1, 1}};  // mean (1, ½); the second task loses ½ and is projected away
  const auto direction = direction_of(rows, weights_for(kMethod, rows).w);
  EXPECT_NEAR(direction[0], 0.75, 1e-15);
  EXPECT_NEAR(direction[1], 0.75, 1e-15);
  const auto preferred = direction_of(rows, weights_for("{method: dualproj, preference: [1, 0]}", rows).w);
  EXPECT_NEAR(preferred[0], 1.5, 1e-15);
  EXPECT_NEAR(preferred[1], 1.5, 1e-15);
}
TEST(DualProj, GradientsThatAgreeAreAveraged) {
  EXPECT_EQ(weights_for(kMethod, {{1, 0}, {1, 1}}).w, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(weights_for(kMethod, {{1, 2}, {1, 2}, {1, 2}, {1, 2}}).w, std::vector<double>(4, 0.25));
}

TEST(DualProj, OneTaskIsPlainTraining) {
  EXPECT_EQ(weights_for(kMethod, {{3, 4}}).w, (std::vector<double>{1}));
  EXPECT_EQ(weights_for(kMethod, {{0, 0}}).w, (std::vector<double>{1}));
}

TEST(DualProj, OppositeDuplicateZeroAndBadlyScaledRows) {
  const TaskRows rows = {{1e9, 0}, {-1e-9, 0}, {1e9, 0}, {0, 0}};
  const GramWeights got = weights_for(kMethod, rows);
  EXPECT_TRUE(got.solver.solved);
  EXPECT_GE(least_gain(rows, got.w), -1e-15);
  EXPECT_NEAR(direction_of(rows, got.w)[0] / 1e9, 0, 1e-15);
  EXPECT_EQ(weights_for(kMethod, {{0, 0}, {0, 0}}).w, (std::vector<double>{0.5, 0.5}));
}

TEST(DualProj, PeersRidgeAndFloor) {
  const TaskRows rows = {{3, 0}, {-1, 0.1}};
  const auto exact = weights_for(kMethod, rows).w,
             peer = weights_for("{method: dualproj, convention: torchjd}", rows).w;
  EXPECT_GT(std::abs(exact[1] - peer[1]), 1e-5);
  EXPECT_LT(least_gain(rows, peer), 0);
  EXPECT_EQ(peer, weights_for("{method: dualproj, norm_eps: 1e-4, reg_eps: 1e-4}", rows).w);
  EXPECT_EQ(weights_for("{method: dualproj, convention: libmtl, norm_eps: 0, reg_eps: 0}", rows).w, exact);
  EXPECT_EQ(weights_for("{method: dualproj, convention: torchjd}", scaled(rows, 1e-3)).w,
            (std::vector<double>{0.5, 0.5}));
}

TEST(DualProj, AbsentTasksTakeNoPart) { expect_absent_tasks_ignored(kMethod); }

TEST(DualProj, GradientsThatAreNotFiniteAreReported) {
  const GramWeights got = weights_for(kMethod, {{std::numeric_limits<double>::quiet_NaN()}, {1}});
  EXPECT_FALSE(got.solver.solved);
  EXPECT_EQ(got.w, (std::vector<double>{0.5, 0.5}));
}

TEST(DualProj, ErrorsNameTheOption) {
  const auto text = [](const std::string& yaml) {
    return message_of<InputError>([&] { make_balancer(yaml, numbered_tasks(2)); });
  };
  EXPECT_THAT(text("{method: dualproj, preference: [1, 2, 3]}"),
              HasSubstr("balancing.preference: 3 entries for 2 tasks"));
  EXPECT_THAT(text("{method: dualproj, preference: [1, -2]}"), HasSubstr("balancing.preference: -2"));
  EXPECT_THAT(text("{method: dualproj, reg_eps: -1}"), HasSubstr("must be ≥ 0"));
}

}  // namespace
}  // namespace polytask
