#include <polytask/balancing/gram/norm_clip.h>

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

const std::string kMethod = "{method: nash}";

// Precondition: 0 is not in the convex hull of the rows.
RC_GTEST_PROP(Nash, SolvesItsEquationAndOpposesNoTask, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const TaskRows rows = rows_of_one_side(given, *rc::gen::element(1.0, 0.1));
  const GramWeights got = weights_for(kMethod, rows);
  RC_ASSERT(got.solver.solved);
  RC_ASSERT(got.solver.residual <= 1e-10);
  const auto gain = product_of(gram_of(rows), got.w);
  for (size_t t = 0; t < rows.size(); ++t) RC_ASSERT(std::abs(gain[t] * got.w[t] - 1) <= 1e-9);
  RC_ASSERT(got.heads == got.w);
}

// Precondition: as above.
RC_GTEST_PROP(Nash, OrderOfTasksAndScaleOfGradientsDoNotMatter, ()) {
  const RowsCase given = any_rows(20);
  show_rows(given);
  const TaskRows rows = rows_of_one_side(given, 1.0);
  Random random(given.seed, "order");
  const auto order = random.permutation(given.rows);
  TaskRows other = reordered(rows, order);
  std::vector<double> factor;
  for (auto& row : other) {
    factor.push_back(std::pow(10.0, random.uniform(-3, 3)));
    for (double& value : row) value *= factor.back();
  }
  const auto w = weights_for(kMethod, rows).w, other_w = weights_for(kMethod, other).w;
  for (size_t t = 0; t < w.size(); ++t)
    RC_ASSERT(std::abs(other_w[t] * factor[t] / w[static_cast<size_t>(order[t])] - 1) <= 1e-8);
}

TEST(Nash, EqualGradientsAndOneTaskArePlainTrainingUpToScale) {
  const auto w = weights_for(kMethod, {{3, 4}, {3, 4}, {3, 4}, {3, 4}}).w;
  for (double value : w) EXPECT_NEAR(value, 0.1, 1e-14);  // 25 · 4 α² = 1
  EXPECT_DOUBLE_EQ(weights_for(kMethod, {{3, 4}}).w[0], 0.2);
}

TEST(Nash, ClipsTheSharedDirectionAndNotTheHeads) {
  const TaskRows rows = {{2, 0}, {0, 0.5}};
  const GramWeights free = weights_for(kMethod, rows);
  EXPECT_NEAR(direction_norm(gram_of(rows), free.w), std::sqrt(2.0), 1e-14);
  for (const std::string convention : {"libmtl", "nash", "torchjd"}) {
    const GramWeights got = weights_for("{method: nash, convention: " + convention + "}", rows);
    EXPECT_NEAR(direction_norm(gram_of(rows), got.w), 1, 1e-14);
    EXPECT_EQ(got.shown.at("alpha"), free.w);
    EXPECT_EQ(got.heads, convention == "torchjd" ? std::vector<double>{} : free.w);
    EXPECT_EQ(weights_for("{method: nash, max_norm: 0, convention: " + convention + "}", rows).w, free.w);
  }
  EXPECT_EQ(weights_for("{method: nash, max_norm: 5}", rows).w, free.w);  // a bound, not a length
}

TEST(Nash, HeadsAreWeightedButByTorchJd) {
  const auto heads = [](const std::string& yaml) {
    const auto balancer = make_balancer(yaml, numbered_tasks(2));
    return dynamic_cast<GramWeighting&>(balancer->method()).heads();
  };
  EXPECT_EQ(heads(kMethod), HeadGradient::weighted);
  EXPECT_EQ(heads("{method: nash, convention: libmtl}"), HeadGradient::weighted);
  EXPECT_EQ(heads("{method: nash, convention: torchjd}"), HeadGradient::own);
}

// No solution exists: what the class promises instead.
TEST(Nash, OppositeRowsGetBoundedWeights) {
  const TaskRows rows = {{4, 0}, {-4, 0}, {0, 2}};
  const GramWeights got = weights_for(kMethod, rows);
  EXPECT_FALSE(got.solver.solved);
  EXPECT_NEAR(got.w[0], 25, 1e-6);
  EXPECT_NEAR(got.w[1], 25, 1e-6);
  EXPECT_NEAR(direction_of(rows, got.w)[1], 1, 1e-4);
  EXPECT_NEAR(direction_of(rows, got.w)[0], 0, 1e-10);
}

TEST(Nash, ATaskWithoutSharedGradientKeepsItsHeadsOwn) {
  const GramWeights got = weights_for("{method: nash, convention: libmtl}", {{0, 0}, {0, 2}});
  EXPECT_FALSE(got.solver.solved);
  EXPECT_EQ(got.w[0], 0);
  EXPECT_EQ(got.heads, (std::vector<double>{1, 0.5}));
  EXPECT_EQ(got.shown.at("alpha"), (std::vector<double>{0, 0.5}));
  const GramWeights none = weights_for(kMethod, {{0, 0}, {0, 0}});
  EXPECT_FALSE(none.solver.solved);
  EXPECT_EQ(none.w, (std::vector<double>{0, 0}));
  EXPECT_EQ(none.heads, (std::vector<double>{1, 1}));
}

// The kinds of input on which peers' solvers break down, and that have a solution.
TEST(Nash, NearZeroDuplicateAndBadlyScaledRows) {
  for (const TaskRows& rows : {TaskRows{{1, 2, 0}, {1e-7, -1e-7, 1e-7}, {0, 1, -2}}, TaskRows{{1, 0}, {1, 0}, {-1, 2}},
                               TaskRows{{1e9, 1e9}, {1e-9, -0.5e-9}}, TaskRows{{1, 0.01}, {-1, 0.01}}}) {
    const GramWeights got = weights_for(kMethod, rows);
    EXPECT_TRUE(got.solver.solved);
    const auto gain = product_of(gram_of(rows), got.w);
    for (size_t t = 0; t < rows.size(); ++t) EXPECT_NEAR(gain[t] * got.w[t], 1, 1e-10);
  }
}

TEST(Nash, GradientsThatAreNotFiniteAreReported) {
  const GramWeights got = weights_for(kMethod, {{std::numeric_limits<double>::infinity()}, {1}});
  EXPECT_FALSE(got.solver.solved);
  EXPECT_EQ(got.w, (std::vector<double>{0, 0}));
}

TEST(Nash, AbsentTasksTakeNoPart) { expect_absent_tasks_ignored(kMethod); }

TEST(Nash, ErrorsNameTheOption) {
  const auto text = [](const std::string& yaml) {
    return message_of<InputError>([&] { make_balancer(yaml, numbered_tasks(2)); });
  };
  EXPECT_THAT(text("{method: nash, max_norm: -1}"), HasSubstr("must be ≥ 0"));
  EXPECT_THAT(text("{method: nash, convention: libmlt}"), HasSubstr("did you mean \"libmtl\"?"));
}

}  // namespace
}  // namespace polytask
