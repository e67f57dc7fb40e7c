#include <polytask/balancing/gram/mgda.h>

#include <balancing/support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <solvers/gram_cases.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace polytask {
namespace {

using testing::HasSubstr;
using Rows = std::vector<std::vector<double>>;

GramWeights weigh(const Rows& rows, const MgdaOptions& options = {}, const std::vector<double>& losses = {}) {
  const GramState gram = GramState::of(rows, losses);
  return Mgda(options).weigh(gram, LossState::of(gram.losses));
}

MgdaOptions convention(const std::string& name) {
  MgdaOptions options;
  options.convention = name;
  return options;
}

// Σ w_t ‖g_t‖: what the rounding of a direction is relative to.
double rounding(const Rows& rows, const std::vector<double>& w) { return inner(w, lengths_of(gram_of(rows))); }

RC_GTEST_PROP(Mgda, DescendsForEveryTaskWithWeightsOnTheSimplex, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Rows rows = make_rows(given);
  const GramWeights weights = weigh(rows);
  RC_ASSERT(weights.solver.solved);
  RC_ASSERT(std::abs(std::accumulate(weights.w.begin(), weights.w.end(), 0.0) - 1) < 1e-12);
  const Matrix gram = gram_of(rows);
  const auto product = product_of(gram, weights.w), lengths = lengths_of(gram);
  const double square = inner(weights.w, product), size = rounding(rows, weights.w);
  for (size_t i = 0; i < rows.size(); ++i) {
    RC_ASSERT(weights.w[i] >= 0);
    RC_ASSERT(product[i] >= -1e-10 * lengths[i] * size);
    RC_ASSERT(product[i] >= square - 1e-10 * lengths[i] * size);
  }
}

RC_GTEST_PROP(Mgda, OrderOfTheTasksDoesNotMatter, ()) {
  RowsCase given = any_rows();
  given.columns = given.rank = 45;  // independent rows have one solution
  given.has_duplicate = given.has_opposite = given.has_zero = false;
  show_rows(given);
  const Rows rows = make_rows(given);
  const auto w = weigh(rows).w, reversed = weigh(Rows(rows.rbegin(), rows.rend())).w;
  for (size_t i = 0; i < w.size(); ++i) RC_ASSERT(std::abs(w[i] - reversed[w.size() - 1 - i]) < 1e-10);
}

RC_GTEST_PROP(Mgda, ScaleDoesNotMatter, ()) {
  RowsCase given = any_rows();
  given.columns = given.rank = 45;
  given.has_duplicate = given.has_opposite = given.has_zero = false;
  show_rows(given);
  Rows rows = make_rows(given);
  const auto w = weigh(rows).w;
  for (auto& row : rows)
    for (double& value : row) value *= 1e5;
  const auto scaled = weigh(rows).w;
  for (size_t i = 0; i < w.size(); ++i) RC_ASSERT(std::abs(w[i] - scaled[i]) < 1e-10);
}

TEST(Mgda, EqualRowsAndOneRowGiveTheRow) {
  for (const size_t tasks : {1u, 2u, 5u}) {
    const GramWeights weights = weigh(Rows(tasks, {3, -4}));
    EXPECT_NEAR(std::accumulate(weights.w.begin(), weights.w.end(), 0.0), 1, 1e-15);
    EXPECT_EQ(weights.w, weights.shown.at("simplex"));
  }
}

TEST(Mgda, NormalisationDividesTheRowsBeforeTheProblemIsSolved) {
  const Rows rows = {{2, 0}, {0, 4}};
  const std::vector<double> losses = {1, 8};
  const auto with = [&](const std::string& normalize, const std::string& name) {
    MgdaOptions options = convention(name);
    options.normalize = normalize;
    return weigh(rows, options, losses);
  };
  // Orthogonal rows of length n: x ∝ 1/n².
  const auto near = [](const std::vector<double>& got, double first, double second) {
    return std::abs(got[0] - first) < 1e-14 && std::abs(got[1] - second) < 1e-14;
  };
  EXPECT_TRUE(near(with("none", "paper").w, 0.8, 0.2));
  EXPECT_TRUE(near(with("l2", "paper").w, 0.5, 0.5));
  EXPECT_TRUE(near(with("loss", "paper").w, 1.0 / 17, 16.0 / 17));
  EXPECT_TRUE(near(with("loss+", "paper").w, 1.0 / 65, 64.0 / 65));
  EXPECT_TRUE(near(with("l2", "libmtl").w, 0.25, 0.125));
  EXPECT_TRUE(near(with("l2", "libmtl").shown.at("simplex"), 0.5, 0.5));
  EXPECT_TRUE(near(with("loss", "libmtl").w, 1.0 / 17, 2.0 / 17));
  EXPECT_TRUE(near(with("l2", "nash").w, 1, 1));
}

TEST(Mgda, ARowThatCanNotBeNormalisedStaysAsItIs) {
  for (const std::string normalize : {"l2", "loss", "loss+"}) {
    MgdaOptions options = convention("libmtl");
    options.normalize = normalize;
    const auto zero_row = weigh({{1, 2}, {0, 0}}, options, {1.0, 0.0});
    EXPECT_EQ(zero_row.w, (std::vector<double>{0, 1})) << normalize;
    for (const double value : weigh({{1, 2}, {3, 0}}, options, {std::numeric_limits<double>::infinity(), 0.0}).w)
      EXPECT_TRUE(std::isfinite(value)) << normalize;
  }
}

TEST(Mgda, ThePeersIterationNeverReachesAVertex) {
  MgdaOptions options = convention("libmtl");
  options.solver = "projected_gradient";
  EXPECT_EQ(weigh({{1, 0}, {3, 0}}, options).w, (std::vector<double>{0.999, 1 - 0.999}));
  EXPECT_EQ(weigh({{1, 0}, {3, 0}}, convention("libmtl")).w, (std::vector<double>{1, 0}));
  EXPECT_EQ(weigh({{1, 0}}, options).w, (std::vector<double>{1}));
}

TEST(Mgda, ThePeersIterationEndsWhereItsPeerEndsIt) {
  const Rows rows = {{1, 0.02, 0.01}, {-1, 0.02, 0.02}, {0.03, 1, 0.05}, {0.01, -1, 0.06}};
  MgdaOptions bounded = convention("libmtl"), unbounded = convention("nash");
  bounded.solver = "projected_gradient";
  EXPECT_LE(weigh(rows, bounded).solver.iterations, 251);
  const GramWeights exact = weigh(rows), nash = weigh(rows, unbounded);
  EXPECT_NEAR(std::accumulate(nash.w.begin(), nash.w.end(), 0.0), 4, 1e-12);
  const Matrix gram = gram_of(rows);
  EXPECT_GE(inner(nash.w, product_of(gram, nash.w)) / 16, inner(exact.w, product_of(gram, exact.w)) * (1 - 1e-12));
}

TEST(Mgda, SaysThatTheGradientsAreNotFinite) {
  const GramWeights weights = weigh({{1, 2}, {std::numeric_limits<double>::quiet_NaN(), 0}});
  EXPECT_FALSE(weights.solver.solved);
  EXPECT_EQ(weights.w, (std::vector<double>{0.5, 0.5}));
}

TEST(Mgda, IsABalancerWithChecksOnItsOptions) {
  EXPECT_NO_THROW(make_balancer("{method: mgda, normalize: loss+, convention: libmtl, every: 2}", numbered_tasks(2)));
  EXPECT_THAT(message_of<InputError>([] { make_balancer("{method: mgda, normalize: l3}", {}); }),
              HasSubstr("normalize"));
  EXPECT_THAT(message_of<InputError>([] { Mgda given(convention("mine")); }), HasSubstr("balancing.convention"));
}

}  // namespace
}  // namespace polytask
