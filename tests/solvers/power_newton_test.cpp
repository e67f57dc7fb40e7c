#include <polytask/solvers/power_newton.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <solvers/gram_cases.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace polytask {
namespace {

/// Rows within an open half-space: 0 is not in their convex hull. `lift`: how far inside, relative to their length.
std::vector<std::vector<double>> solvable_rows(RowsCase given, double lift) {
  const double row_decades = given.row_decades, decade = given.decade;
  given.row_decades = given.decade = 0;
  given.has_zero = given.has_opposite = false;
  auto rows = make_rows(given);
  Random random(given.seed, "lift");
  for (auto& row : rows) {
    const double length = std::sqrt(inner(row, row));
    const double scale = std::pow(10.0, decade + row_decades * (2 * random.uniform() - 1));
    row.push_back(lift * (length > 0 ? length : 1) * random.uniform(0.5, 2.0));
    for (double& value : row) value *= scale;
  }
  return rows;
}

double residual_of(const Matrix& m, double power, const std::vector<double>& w) {
  const auto product = product_of(m, w);
  double worst = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const double off = std::abs(product[i] * std::pow(w[i], power) - 1);
    worst = off <= worst ? worst : off;
  }
  return worst;
}

/// What rounding w to double can do to the residual.
double rounding_of(const Matrix& m, double power, const std::vector<double>& w) {
  double worst = 0;
  for (int64_t i = 0; i < m.rows(); ++i) {
    double sum = 0;
    for (int64_t j = 0; j < m.rows(); ++j) sum += std::abs(m(i, j)) * w[static_cast<size_t>(j)];
    worst = std::max(worst, sum * std::pow(w[static_cast<size_t>(i)], power));
  }
  return std::numeric_limits<double>::epsilon() * worst;
}

// Precondition: 0 is not in the convex hull of the rows.
RC_GTEST_PROP(PowerNewton, SolvesForNashWhereASolutionExists, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Matrix m = gram_of(solvable_rows(given, *rc::gen::element(1.0, 0.1, 1e-2)));
  std::vector<double> w;
  const SolverStatus status = PowerNewton().solve(m, 1, w);
  RC_ASSERT(status.solved);
  RC_ASSERT(residual_of(m, 1, w) <= 1e-10);
}

// Precondition as above; rows of norms within 10^±1, where double precision holds the solution for every p.
RC_GTEST_PROP(PowerNewton, SolvesForAnyPowerWhereASolutionExists, ()) {
  RowsCase given = any_rows();
  given.row_decades = std::min(given.row_decades, 1.0);
  show_rows(given);
  const double power = *rc::gen::element(0.1, 0.2, 0.5, 1.0, 2.0, 4.0);
  const Matrix m = gram_of(solvable_rows(given, *rc::gen::element(1.0, 0.3)));
  std::vector<double> w;
  const SolverStatus status = PowerNewton().solve(m, power, w);
  RC_ASSERT(status.solved);
  RC_ASSERT(residual_of(m, power, w) <= 1e-10 + 16 * rounding_of(m, power, w));
  for (double value : w) RC_ASSERT(value > 0);
}

// No precondition: opposite, duplicate, zero and dependent rows of any scale.
RC_GTEST_PROP(PowerNewton, IsFiniteAlwaysAndHonest, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const double power = *rc::gen::element(0.05, 0.5, 1.0, 2.0, 20.0);
  const Matrix m = gram_of(make_rows(given));
  std::vector<double> w;
  const SolverStatus status = PowerNewton().solve(m, power, w);
  for (double value : w) RC_ASSERT(std::isfinite(value) && value >= 0);
  if (status.solved && power == 1) RC_ASSERT(residual_of(m, power, w) <= 1e-10 + 32 * rounding_of(m, power, w));
  if (given.has_zero) RC_ASSERT(!status.solved);
  if (given.has_opposite && given.rows > 2) RC_ASSERT(!status.solved);
}

TEST(PowerNewton, OrthogonalRowsHaveAClosedForm) {
  Matrix m(3, 3);
  const std::vector<double> square = {4, 1e-20, 1e20};
  for (int64_t i = 0; i < 3; ++i) m(i, i) = square[static_cast<size_t>(i)];
  for (double power : {0.5, 1.0, 3.0}) {
    std::vector<double> w;
    EXPECT_TRUE(PowerNewton().solve(m, power, w).solved);
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(w[i] * std::pow(square[i], 1 / (power + 1)), 1, 1e-12) << power;
  }
}

TEST(PowerNewton, OneRow) {
  std::vector<double> w;
  EXPECT_TRUE(PowerNewton().solve(Matrix(1, 1, 16), 1, w).solved);
  EXPECT_DOUBLE_EQ(w[0], 0.25);
}

TEST(PowerNewton, NearlyOppositeRowsToWhatRoundingLeaves) {
  for (double angle : {1e-1, 1e-2, 1e-3, 1e-4, 1e-5}) {
    const Matrix m = gram_of({{1, angle}, {-1e-6, 1e-6 * angle}});
    std::vector<double> w;
    const SolverStatus status = PowerNewton().solve(m, 1, w);
    EXPECT_TRUE(status.solved) << angle;
    EXPECT_LE(residual_of(m, 1, w), 1e-10 + 16 * rounding_of(m, 1, w)) << angle;
    EXPECT_NEAR(w[0] * angle * std::sqrt(2.0), 1, 1e-10 + 1e-15 / (angle * angle)) << angle;
  }
}

// Opposite rows u, −u beside a row that conflicts with neither: bounded weights, the third row's direction.
TEST(PowerNewton, FallsBackWhereRowsAreOpposite) {
  const Matrix m = gram_of({{1e5, 0}, {-1e-3, 0}, {0, 2}});
  std::vector<double> w;
  const SolverStatus status = PowerNewton().solve(m, 1, w);
  EXPECT_FALSE(status.solved);
  EXPECT_GT(status.residual, 0.5);
  EXPECT_NEAR(w[0] * 1e5, 100, 1e-6);
  EXPECT_NEAR(w[1] * 1e-3, 100, 1e-6);
  EXPECT_NEAR(w[2] * 2, 1, 1e-4);
}

// The promise of the fallback: a row loses at most 1e-2 √T of its norm, and weights are at most 100 √T over it.
RC_GTEST_PROP(PowerNewton, TheFallbackBoundsConflictAndWeights, ()) {
  RowsCase given = any_rows();
  given.has_opposite = true;
  given.has_zero = false;
  given.rows = std::max<int64_t>(given.rows, 3);
  show_rows(given);
  const Matrix m = gram_of(make_rows(given));
  std::vector<double> w;
  RC_ASSERT(!PowerNewton().solve(m, 1, w).solved);
  const auto gain = product_of(m, w), length = lengths_of(m);
  const double root = std::sqrt(static_cast<double>(given.rows));
  for (size_t i = 0; i < w.size(); ++i) {
    RC_ASSERT(w[i] * length[i] <= 100 * root * (1 + 1e-9));
    RC_ASSERT(gain[i] >= -1e-2 * root * length[i] * (1 + 1e-9));
  }
}

TEST(PowerNewton, RowsOfZerosAreLeftOut) {
  const Matrix m = gram_of({{0, 0}, {0, 4}, {0.5, 0}});
  std::vector<double> w;
  EXPECT_FALSE(PowerNewton().solve(m, 1, w).solved);
  EXPECT_EQ(w[0], 0);
  EXPECT_NEAR(w[1], 0.25, 1e-14);
  EXPECT_NEAR(w[2], 2, 1e-14);
  EXPECT_FALSE(PowerNewton().solve(Matrix(2, 2), 1, w).solved);
  EXPECT_EQ(w, (std::vector<double>{0, 0}));
}

TEST(PowerNewton, SaysThatTheMatrixIsNotFinite) {
  Matrix m(2, 2, 1);
  m(1, 0) = m(0, 1) = std::numeric_limits<double>::infinity();
  std::vector<double> w;
  EXPECT_FALSE(PowerNewton().solve(m, 1, w).solved);
  EXPECT_EQ(w, (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace polytask
