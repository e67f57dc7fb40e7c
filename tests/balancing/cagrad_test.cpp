#include <polytask/balancing/gram/cagrad.h>

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

CagradOptions convention(const std::string& name, double c = 0.5) {
  CagradOptions options;
  options.convention = name;
  options.c = c;
  return options;
}

GramWeights weigh(const Rows& rows, const CagradOptions& options) {
  const GramState gram = GramState::of(rows);
  return Cagrad(options).weigh(gram, LossState::of(gram.losses));
}

std::vector<double> direction(const Rows& rows, const std::vector<double>& w) {
  std::vector<double> sum(rows.front().size(), 0);
  for (size_t t = 0; t < rows.size(); ++t)
    for (size_t k = 0; k < sum.size(); ++k) sum[k] += w[t] * rows[t][k];
  return sum;
}

void expect_near(const std::vector<double>& got, const std::vector<double>& expected, double tolerance = 1e-12) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << i;
}

RC_GTEST_PROP(Cagrad, MakesNoTaskWorseFromOneOn, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Rows rows = make_rows(given);
  const GramWeights weights = weigh(rows, convention("paper", *rc::gen::element(1.0, 1.2, 5.0)));
  RC_ASSERT(weights.solver.solved);
  const Matrix gram = gram_of(rows);
  const auto lengths = lengths_of(gram), products = product_of(gram, weights.w);
  const double size = inner(weights.w, lengths);
  for (size_t i = 0; i < rows.size(); ++i) RC_ASSERT(products[i] >= -1e-9 * lengths[i] * size);
}

RC_GTEST_PROP(Cagrad, OrderOfTheTasksDoesNotMatter, ()) {
  RowsCase given = any_rows();
  given.columns = given.rank = 45;  // independent rows have one solution
  given.row_decades = std::min(given.row_decades, 1.0);
  given.has_duplicate = given.has_opposite = given.has_zero = false;
  show_rows(given);
  const Rows rows = make_rows(given);
  const auto options = convention("paper", *rc::gen::element(0.1, 0.5, 1.5));
  const auto w = weigh(rows, options).w, reversed = weigh(Rows(rows.rbegin(), rows.rend()), options).w;
  const double largest = *std::max_element(w.begin(), w.end());
  for (size_t i = 0; i < w.size(); ++i) RC_ASSERT(std::abs(w[i] - reversed[w.size() - 1 - i]) < 1e-9 * largest);
}

RC_GTEST_PROP(Cagrad, EveryConventionIsFinite, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Rows rows = make_rows(given);
  for (const std::string name : {"paper", "libmtl", "official", "nash", "torchjd"})
    for (const double w : weigh(rows, convention(name, *rc::gen::element(0.0, 0.4, 1.0))).w)
      RC_ASSERT(std::isfinite(w));
}

TEST(Cagrad, WithoutRadiusItIsTheMean) {
  expect_near(weigh({{1, 2}, {-3, 1}, {0, 0}, {5, 5}}, convention("paper", 0)).w, std::vector<double>(4, 0.25));
}

TEST(Cagrad, OneTaskIsPlainTrainingUpToScale) {
  expect_near(weigh({{3, 4}}, convention("paper")).w, {1.5});
  expect_near(weigh({{3, 4}}, convention("libmtl")).w, {1.5 / 1.25}, 1e-7);
}

TEST(Cagrad, TwoOrthogonalRowsOfOneLength) {
  // ḡ = (½, ½) and g_x points along it: d = (1 + c) ḡ.
  expect_near(weigh({{1, 0}, {0, 1}}, convention("paper")).w, {0.75, 0.75});
  CagradOptions options = convention("paper");
  options.rescale = 1;
  expect_near(weigh({{1, 0}, {0, 1}}, options).w, {0.6, 0.6});
  options.rescale = 2;
  expect_near(weigh({{1, 0}, {0, 1}}, options).w, {0.5, 0.5});
  options.reduction = "sum";
  expect_near(weigh({{1, 0}, {0, 1}}, options).w, {1, 1});
}

TEST(Cagrad, ConventionsDiffer) {
  const Rows rows = {{1, 0.2}, {-0.4, 0.7}, {0.3, 0.9}};
  const auto paper = direction(rows, weigh(rows, convention("paper", 0.4)).w);
  const auto scaled = [&](double factor) {
    std::vector<double> result;
    for (const double value : paper) result.push_back(value * factor);
    return result;
  };
  expect_near(direction(rows, weigh(rows, convention("torchjd", 0.4)).w), paper, 1e-14);
  expect_near(direction(rows, weigh(rows, convention("libmtl", 0.4)).w), scaled(1 / 1.16), 1e-6);
  expect_near(direction(rows, weigh(rows, convention("nash", 0.4)).w), scaled(3 / 1.16), 1e-6);
  CagradOptions nash;
  nash.convention = "nash";
  EXPECT_EQ(weigh(rows, nash).w, weigh(rows, convention("nash", 0.4)).w);
}

TEST(Cagrad, WhereNoDirectionImprovesAllTasks) {
  const Rows opposite = {{1, 0}, {-1, 0}, {1, 1}}, zero = {{3, 1}, {0, 0}, {1, 2}};
  expect_near(direction(opposite, weigh(opposite, convention("paper", 1)).w), {0, 1.0 / 3}, 1e-12);
  expect_near(direction(zero, weigh(zero, convention("paper", 0.4)).w), {4.0 / 3, 1});
  expect_near(weigh(opposite, convention("torchjd", 1)).w, {0, 0, 0});
  expect_near(weigh(zero, convention("torchjd", 0.4)).w, {0, 0, 0});
  expect_near(direction(zero, weigh(zero, convention("libmtl", 0.4)).w), {4.0 / 3 / 1.16, 1 / 1.16}, 1e-6);
  for (const std::string name : {"paper", "libmtl", "torchjd"}) {
    const Rows nothing(2, {0, 0});
    EXPECT_TRUE(weigh(nothing, convention(name)).solver.solved);
    expect_near(direction(nothing, weigh(nothing, convention(name)).w), {0, 0});
  }
}

TEST(Cagrad, SaysThatTheGradientsAreNotFinite) {
  const GramWeights weights = weigh({{1, 2}, {std::numeric_limits<double>::quiet_NaN(), 0}}, convention("paper"));
  EXPECT_FALSE(weights.solver.solved);
  EXPECT_EQ(weights.w, (std::vector<double>{0.5, 0.5}));
}

TEST(Cagrad, IsABalancerWithChecksOnItsOptions) {
  EXPECT_NO_THROW(make_balancer("{method: cagrad, c: 0.4, rescale: 2, convention: nash}", numbered_tasks(2)));
  EXPECT_THAT(message_of<InputError>([] { make_balancer("{method: cagrad, c: -1}", {}); }), HasSubstr("c"));
  EXPECT_THAT(message_of<InputError>([] { make_balancer("{method: cagrad, rescale: 3}", {}); }), HasSubstr("rescale"));
  EXPECT_THAT(message_of<InputError>([] { Cagrad given(convention("mine")); }), HasSubstr("balancing.convention"));
}

}  // namespace
}  // namespace polytask
