#include <polytask/balancing/gram/norm_clip.h>

#include <balancing/fairness_support.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace polytask {
namespace {

using ::testing::HasSubstr;

const std::string kMethod = "{method: fairgrad}";

std::string with_alpha(double alpha) { return fmt::format("{{method: fairgrad, alpha: {}}}", alpha); }

// Precondition: 0 is not in the convex hull of the rows; for α other than 1, rows of norms within 10^±1.
RC_GTEST_PROP(FairGrad, SolvesItsEquationAndOpposesNoTask, ()) {
  RowsCase given = any_rows();
  const double alpha = *rc::gen::element(0.5, 1.0, 2.0, 5.0);
  if (alpha != 1) given.row_decades = std::min(given.row_decades, 1.0);
  show_rows(given);
  const TaskRows rows = rows_of_one_side(given, 1.0);
  const GramWeights got = weights_for(with_alpha(alpha), rows);
  RC_ASSERT(got.solver.solved);
  RC_ASSERT(got.solver.residual <= 1e-9);
  const auto gain = product_of(gram_of(rows), got.w);
  for (size_t t = 0; t < rows.size(); ++t) {
    RC_ASSERT(gain[t] > 0);
    RC_ASSERT(std::abs(gain[t] * std::pow(got.w[t], 1 / alpha) - 1) <= 1e-8);
  }
}

// Precondition: as above. The equation turns a factor c on all gradients into c^{−2α/(1+α)} on the weights.
RC_GTEST_PROP(FairGrad, OrderOfTasksDoesNotMatterAndScaleAsTheEquationSays, ()) {
  RowsCase given = any_rows(20);
  given.row_decades = std::min(given.row_decades, 1.0);
  given.decade = 0;
  const double alpha = *rc::gen::element(0.5, 1.0, 3.0);
  show_rows(given);
  const TaskRows rows = rows_of_one_side(given, 1.0);
  Random random(given.seed, "order");
  const auto order = random.permutation(given.rows);
  const double factor = std::pow(10.0, random.uniform(-10, 10));
  const auto w = weights_for(with_alpha(alpha), rows).w;
  const auto other = weights_for(with_alpha(alpha), scaled(reordered(rows, order), factor)).w;
  const double expected = std::pow(factor, -2 * alpha / (1 + alpha));
  for (size_t t = 0; t < w.size(); ++t)
    RC_ASSERT(std::abs(other[t] / expected / w[static_cast<size_t>(order[t])] - 1) <= 1e-6);
}

TEST(FairGrad, AlphaOneIsNash) {
  const TaskRows rows = {{1, 2}, {-1, 0.5}, {0.1, 0.3}};
  EXPECT_EQ(weights_for(kMethod, rows).w, weights_for("{method: nash}", rows).w);
}

TEST(FairGrad, LargeAlphaEvensOutTheGains) {
  const TaskRows rows = {{1, 0}, {0, 10}};
  const auto spread = [&](double alpha) {
    const auto gain = product_of(gram_of(rows), weights_for(with_alpha(alpha), rows).w);
    return gain[1] / gain[0];
  };
  EXPECT_NEAR(spread(1), 10, 1e-10);
  EXPECT_NEAR(spread(20), std::pow(100, 1 / 21.0), 1e-8);
}

TEST(FairGrad, EqualGradientsAndOneTaskArePlainTrainingUpToScale) {
  for (double value : weights_for(with_alpha(2), {{3, 4}, {3, 4}}).w)
    EXPECT_NEAR(value, std::pow(50, -2.0 / 3), 1e-14);  // 50 w = w^{−1/2}
  EXPECT_DOUBLE_EQ(weights_for(kMethod, {{3, 4}}).w[0], 0.2);
}

TEST(FairGrad, OfficialCodeRescalesThenClips) {
  const TaskRows rows = {{2, 0}, {0, 0.5}};
  const GramWeights paper = weights_for(kMethod, rows);
  const GramWeights official = weights_for("{method: fairgrad, convention: official}", rows);
  EXPECT_EQ(official.shown.at("solution"), paper.w);
  EXPECT_NEAR(direction_norm(gram_of(rows), official.w), 1, 1e-14);
  EXPECT_TRUE(official.heads.empty());
  EXPECT_EQ(paper.heads, paper.w);
  const GramWeights unclipped = weights_for("{method: fairgrad, convention: official, max_norm: 0}", rows);
  for (size_t t = 0; t < 2; ++t) EXPECT_DOUBLE_EQ(unclipped.w[t], 2 * paper.w[t]);
  EXPECT_EQ(weights_for("{method: fairgrad, convention: official, max_norm: 0, rescale: none}", rows).w, paper.w);
}

TEST(FairGrad, HeadsAreWeightedByPaperAndLibMtl) {
  const auto heads = [](const std::string& convention) {
    const auto balancer = make_balancer("{method: fairgrad, convention: " + convention + "}", numbered_tasks(2));
    return dynamic_cast<GramWeighting&>(balancer->method()).heads();
  };
  EXPECT_EQ(heads("paper"), HeadGradient::weighted);
  EXPECT_EQ(heads("libmtl"), HeadGradient::weighted);
  EXPECT_EQ(heads("torchjd"), HeadGradient::own);
  EXPECT_EQ(heads("official"), HeadGradient::own);
}

// No solution exists: what the class promises instead.
TEST(FairGrad, OppositeAndZeroRowsGetTheDocumentedFallback) {
  for (double alpha : {0.5, 1.0, 2.0}) {
    const TaskRows rows = {{1, 0}, {-1, 0}, {0, 1}, {0, 0}};
    const GramWeights got = weights_for(with_alpha(alpha), rows);
    EXPECT_FALSE(got.solver.solved);
    const double bounded = std::pow(1e-4, -alpha / (1 + alpha));  // 1e-4 w = w^{−1/α}
    EXPECT_NEAR(got.w[0] / bounded, 1, 1e-6) << alpha;
    EXPECT_NEAR(got.w[1] / bounded, 1, 1e-6) << alpha;
    EXPECT_NEAR(got.w[2], 1, 1e-3) << alpha;
    EXPECT_EQ(got.w[3], 0);
    EXPECT_EQ(got.heads[3], 1);
    EXPECT_EQ(weights_for(with_alpha(alpha), {{0, 0}, {0, 0}}).w, (std::vector<double>{0, 0}));
  }
}

// The kinds of input on which peers' solvers break down, and that have a solution.
TEST(FairGrad, NearZeroDuplicateAndBadlyScaledRows) {
  for (double alpha : {0.5, 1.0, 2.0})
    for (const TaskRows& rows :
         {TaskRows{{1, 2, 0}, {1e-6, -1e-6, 1e-6}, {0, 1, -2}}, TaskRows{{1, 0}, {1, 0}, {-1, 2}},
          TaskRows{{1e3, 1e3}, {1e-3, -0.5e-3}}, TaskRows{{1, 0.05}, {-1, 0.05}}}) {
      const GramWeights got = weights_for(with_alpha(alpha), rows);
      EXPECT_TRUE(got.solver.solved);
      const auto gain = product_of(gram_of(rows), got.w);
      for (size_t t = 0; t < rows.size(); ++t) EXPECT_NEAR(gain[t] * std::pow(got.w[t], 1 / alpha), 1, 1e-9) << alpha;
    }
}

TEST(FairGrad, AbsentTasksTakeNoPart) { expect_absent_tasks_ignored(kMethod); }

TEST(FairGrad, ErrorsNameTheOption) {
  const auto text = [](const std::string& yaml) {
    return message_of<InputError>([&] { make_balancer(yaml, numbered_tasks(2)); });
  };
  EXPECT_THAT(text("{method: fairgrad, alpha: 0}"), HasSubstr("must be > 0"));
  EXPECT_THAT(text("{method: fairgrad, rescale: twice}"), HasSubstr("rescale"));
}

}  // namespace
}  // namespace polytask
