#include <polytask/solvers/orthant_qp.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <solvers/gram_cases.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace polytask {
namespace {

// The largest violation of v ≥ l, Rv ≥ 0 and (v − l)ᵀRv = 0, relative to the size of the weights.
double violation(const Matrix& r, const std::vector<double>& lower, const std::vector<double>& v) {
  const auto length = lengths_of(r);
  const auto slope = product_of(r, v);
  double size = 0, worst = 0, smallest = 0;
  for (size_t i = 0; i < v.size(); ++i) size += (std::abs(lower[i]) + v[i] - lower[i]) * length[i];
  for (size_t i = 0; i < v.size(); ++i) {
    smallest = std::min(smallest, v[i] - lower[i]);
    if (length[i] == 0) continue;
    worst = std::max(worst, -slope[i] / length[i] / size);
    if (v[i] > lower[i] + 1e-12 * std::abs(lower[i])) worst = std::max(worst, std::abs(slope[i]) / length[i] / size);
  }
  return smallest < 0 ? 1 : size == 0 ? 0 : worst;
}

RC_GTEST_PROP(OrthantQp, MeetsTheOptimalityConditionsOfAnyGramMatrix, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Matrix r = gram_of(make_rows(given));
  Random random(given.seed, "bounds");
  std::vector<double> lower, v;
  for (int64_t t = 0; t < given.rows; ++t) lower.push_back(random.uniform(-0.2, 1.0));
  OrthantQp solver;
  const SolverStatus status = solver.solve(r, lower, v);
  RC_ASSERT(status.solved);
  RC_ASSERT(status.residual < 1e-11);
  RC_ASSERT(violation(r, lower, v) < 1e-11);
}

RC_GTEST_PROP(OrthantQp, SolvesForEachBoundAloneAndAddsUp, ()) {
  const RowsCase given = any_rows(12);
  show_rows(given);
  const Matrix r = gram_of(make_rows(given));
  const auto count = static_cast<size_t>(given.rows);
  Random random(given.seed, "bounds");
  std::vector<double> u, sum, v, expected(count, 0.0), size(count, 0.0);
  for (size_t t = 0; t < count; ++t) u.push_back(random.uniform(0.0, 2.0));
  OrthantQp solver;
  RC_ASSERT(solver.solve_each(r, u, sum).solved);
  for (size_t t = 0; t < count; ++t) {
    std::vector<double> lower(count, 0.0);
    lower[t] = u[t];
    solver.solve(r, lower, v);
    RC_ASSERT(violation(r, lower, v) < 1e-11);
    for (size_t i = 0; i < count; ++i) expected[i] += v[i];
    for (size_t i = 0; i < count; ++i) size[i] += std::abs(v[i]);
  }
  for (size_t i = 0; i < count; ++i) RC_ASSERT(std::abs(sum[i] - expected[i]) <= 1e-9 * size[i]);
}

// Precondition: R is regular, so that v is unique.
RC_GTEST_PROP(OrthantQp, NeitherScaleNorOrderOfTheRowsMatters, ()) {
  RowsCase given = any_rows(20);
  given.columns = given.rank = 2 * given.rows + 2;
  given.has_duplicate = given.has_opposite = given.has_zero = false;
  given.row_decades = given.decade = 0;
  show_rows(given);
  const auto rows = make_rows(given);
  const auto count = static_cast<size_t>(given.rows);
  Random random(given.seed, "bounds");
  const auto order = random.permutation(given.rows);
  auto changed = rows;
  std::vector<double> lower, changed_lower(count), factor(count), v, changed_v;
  for (size_t t = 0; t < count; ++t) lower.push_back(random.uniform(0.0, 1.0));
  for (size_t t = 0; t < count; ++t) {
    const auto from = static_cast<size_t>(order[t]);
    factor[t] = std::pow(10.0, random.uniform(-10, 10));
    changed[t] = rows[from];
    for (double& value : changed[t]) value *= factor[t];
    changed_lower[t] = lower[from] / factor[t];
  }
  OrthantQp solver;
  solver.solve(gram_of(rows), lower, v);
  solver.solve(gram_of(changed), changed_lower, changed_v);
  const double size = *std::max_element(v.begin(), v.end());
  for (size_t t = 0; t < count; ++t)
    RC_ASSERT(std::abs(changed_v[t] * factor[t] - v[static_cast<size_t>(order[t])]) <= 1e-9 * size);
}

TEST(OrthantQp, ProjectsAConflictAway) {
  const Matrix r = gram_of({{1, 0}, {-1, 1}});  // v = (1, x): the second row's gain is −1 + 2x = 0
  std::vector<double> v;
  OrthantQp solver;
  const SolverStatus status = solver.solve(r, {1, 0}, v);
  EXPECT_TRUE(status.solved);
  EXPECT_DOUBLE_EQ(v[0], 1);
  EXPECT_DOUBLE_EQ(v[1], 0.5);
}

TEST(OrthantQp, BoundsThatAreOptimalStay) {
  const Matrix r = gram_of({{1, 0}, {1, 1}});
  std::vector<double> v;
  EXPECT_EQ(OrthantQp().solve(r, {0.25, 0.5}, v).residual, 0);
  EXPECT_EQ(v, (std::vector<double>{0.25, 0.5}));
}

TEST(OrthantQp, OppositeDuplicateAndZeroRows) {
  const Matrix r = gram_of({{3, 0}, {-1, 0}, {3, 0}, {0, 0}});
  std::vector<double> v;
  const SolverStatus status = OrthantQp().solve(r, {1, 1, 1, 1}, v);
  EXPECT_TRUE(status.solved);
  EXPECT_NEAR(3 * v[0] - v[1] + 3 * v[2], 0, 1e-14);  // no direction is left
  EXPECT_EQ(v[3], 1);
}

TEST(OrthantQp, NoGradientsAtAllLeaveTheBounds) {
  std::vector<double> v;
  EXPECT_TRUE(OrthantQp().solve(Matrix(3, 3), {1, 2, 3}, v).solved);
  EXPECT_EQ(v, (std::vector<double>{1, 2, 3}));
}

TEST(OrthantQp, SaysThatTheMatrixIsNotFinite) {
  Matrix r(2, 2, 1);
  r(0, 1) = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> v;
  EXPECT_FALSE(OrthantQp().solve(r, {1, 2}, v).solved);
  EXPECT_EQ(v, (std::vector<double>{1, 2}));
  EXPECT_FALSE(OrthantQp().solve_each(r, {1, 2}, v).solved);
  EXPECT_EQ(v, (std::vector<double>{1, 2}));
}

TEST(OrthantQp, TwoHundredAndFiftySixRows) {
  for (int64_t columns : {100, 300}) {
    const Matrix r = gram_of(make_rows({256, columns, columns, 3.0, 0, true, true, true, 3}));
    const std::vector<double> lower(256, 1.0 / 256);
    std::vector<double> v;
    EXPECT_TRUE(OrthantQp().solve(r, lower, v).solved);
    EXPECT_LT(violation(r, lower, v), 1e-11);
  }
}

}  // namespace
}  // namespace polytask
