#include <polytask/solvers/min_norm.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <solvers/gram_cases.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace polytask {
namespace {

std::vector<double> min_norm_of(const Matrix& gram) {
  MinNormSolver solver;
  std::vector<double> x;
  EXPECT_TRUE(solver.solve(gram, x).solved);
  return x;
}

// max_i (xᵀMx − (Mx)_i) / (‖g_i‖ Σ x_j‖g_j‖)
double gap(const Matrix& gram, const std::vector<double>& x) {
  const auto product = product_of(gram, x), lengths = lengths_of(gram);
  const double square = inner(x, product), size = inner(x, lengths);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i)
    if (lengths[i] > 0 && size > 0) worst = std::max(worst, (square - product[i]) / lengths[i] / size);
  return worst;
}

bool is_on_simplex(const std::vector<double>& x) {
  return std::all_of(x.begin(), x.end(), [](double value) { return value >= 0 && std::isfinite(value); }) &&
         std::abs(std::accumulate(x.begin(), x.end(), 0.0) - 1) < 1e-12;
}

// The least squared norm over all faces of the simplex, for few rows: the affine optimum of every pair.
double least_of_pairs(const Matrix& gram) {
  double least = std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < gram.rows(); ++i)
    for (int64_t j = 0; j < gram.rows(); ++j)
      for (int k = 0; k <= 1000; ++k) {
        const double t = k / 1000.0;
        least = std::min(least, t * t * gram(i, i) + 2 * t * (1 - t) * gram(i, j) + (1 - t) * (1 - t) * gram(j, j));
      }
  return least;
}

RC_GTEST_PROP(MinNormSolver, IsOptimal, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Matrix gram = gram_of(make_rows(given));
  MinNormSolver solver;
  std::vector<double> x;
  const SolverStatus status = solver.solve(gram, x);
  RC_ASSERT(status.solved);
  RC_ASSERT(is_on_simplex(x));
  RC_ASSERT(gap(gram, x) <= 1e-10);
  RC_ASSERT(status.residual <= 1e-10);
  const auto lengths = lengths_of(gram);
  if (given.row_decades > 3) return;  // what is 0 next to the longest row can not be told from it
  const double rounding = 1e-7 * inner(x, lengths) + 1e-13 * *std::max_element(lengths.begin(), lengths.end());
  const double norm = std::sqrt(std::max(inner(x, product_of(gram, x)), 0.0));
  RC_ASSERT(norm <= std::sqrt(std::max(least_of_pairs(gram), 0.0)) * (1 + 1e-9) + rounding);
}

RC_GTEST_PROP(MinNormSolver, ScaleOfTheWholeChangesNothing, ()) {
  RowsCase given = any_rows(12);
  given.decade = 0;
  show_rows(given);
  Matrix gram = gram_of(make_rows(given));
  const auto x = min_norm_of(gram);
  const double factor = std::ldexp(1.0, *rc::gen::element(-132, -66, 66, 132));
  for (int64_t i = 0; i < gram.rows() * gram.cols(); ++i) gram.data()[i] *= factor;
  const auto scaled = min_norm_of(gram);
  for (size_t i = 0; i < x.size(); ++i) RC_ASSERT(std::abs(scaled[i] - x[i]) <= 1e-12);
}

RC_GTEST_PROP(MinNormSolver, KnowsThePointThatItWasGiven, ()) {
  // Rows p + v_i with Σ x_i v_i = 0 and v_i ⟂ p, v_i = e_i − x: the point of least norm is p, at x.
  const auto n = *rc::gen::inRange<int64_t>(2, 21);
  Random random(*rc::gen::inRange<uint64_t>(0, 1u << 30), "point");
  std::vector<double> weights;
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += weights.emplace_back(0.1 + random.uniform());
  const auto columns = static_cast<size_t>(n) + 3;
  std::vector<std::vector<double>> rows(static_cast<size_t>(n), std::vector<double>(columns, 0));
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t k = 0; k < rows.size(); ++k) rows[i][k] = (i == k ? 1 : 0) - weights[k] / sum;
  for (auto& row : rows) row[columns - 1] = 0.25;
  const auto x = min_norm_of(gram_of(rows));
  for (size_t i = 0; i < x.size(); ++i) RC_ASSERT(std::abs(x[i] - weights[i] / sum) < 1e-11);
}

TEST(MinNormSolver, TwoRowsHaveTheClosedForm) {
  Matrix gram(2, 2);
  gram(0, 0) = 4;
  gram(0, 1) = gram(1, 0) = -1;
  gram(1, 1) = 2;
  const auto x = min_norm_of(gram);
  EXPECT_NEAR(x[0], 3.0 / 8, 1e-15);
  EXPECT_NEAR(x[1], 5.0 / 8, 1e-15);
}

TEST(MinNormSolver, AcuteRowsGiveTheShortestOne) {
  EXPECT_EQ(min_norm_of(gram_of({{3, 0}, {1, 0.1}, {5, 1}})), (std::vector<double>{0, 1, 0}));
}

TEST(MinNormSolver, OppositeRowsCancel) {
  const auto x = min_norm_of(gram_of({{1e-3, 0}, {-1e5, 0}, {0, 1}}));
  EXPECT_NEAR(x[0], 1, 1e-7);
  EXPECT_NEAR(x[1] / 1e-8, 1, 1e-7);
  EXPECT_NEAR(x[0] * 1e-3 - x[1] * 1e5, 0, 1e-17);
}

TEST(MinNormSolver, RowsOfVeryDifferentScaleKeepEveryDigit) {
  // The affine optimum of g_0 = 1e10 (1, −1), g_1 = 1e-10 (0, 1): x_0 = (c − b)/(a + c − 2b).
  const auto x = min_norm_of(gram_of({{1e10, -1e10}, {0, 1e-10}}));
  EXPECT_NEAR(x[0] / ((1e-20 + 1) / (2e20 + 1e-20 + 2)), 1, 1e-14);
  EXPECT_EQ(x[1], 1);
}

TEST(MinNormSolver, ZeroRowsShareTheWeight) {
  EXPECT_EQ(min_norm_of(gram_of({{1, 2}, {0, 0}, {3, 1}, {0, 0}})), (std::vector<double>{0, 0.5, 0, 0.5}));
  EXPECT_EQ(min_norm_of(Matrix(3, 3)), (std::vector<double>(3, 1.0 / 3)));
}

TEST(MinNormSolver, OneRowIsTheSolution) {
  EXPECT_EQ(min_norm_of(gram_of({{1e-150}})), (std::vector<double>{1}));
  EXPECT_EQ(min_norm_of(Matrix(1, 1)), (std::vector<double>{1}));
}

TEST(MinNormSolver, ManyRowsOfAnyRank) {
  for (const int64_t rank : {1, 3, 60, 128, 256, 300}) {
    RowsCase given;
    given.rows = 256;
    given.columns = 300;
    given.rank = rank;
    given.seed = 7;
    const Matrix gram = gram_of(make_rows(given));
    EXPECT_LE(gap(gram, min_norm_of(gram)), 1e-12) << rank;
  }
}

TEST(MinNormSolver, RoundedToFloatTheMatrixMayBeIndefinite) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    RowsCase given;
    given.rows = 20;
    given.columns = given.rank = 4;
    given.has_opposite = seed % 2 == 0;
    given.seed = seed;
    Matrix gram = gram_of(make_rows(given));
    for (int64_t i = 0; i < 20; ++i)
      for (int64_t j = 0; j <= i; ++j) gram(i, j) = gram(j, i) = static_cast<float>(gram(i, j));
    MinNormSolver solver;
    std::vector<double> x;
    solver.solve(gram, x);
    EXPECT_TRUE(is_on_simplex(x));
    EXPECT_LE(gap(gram, x), 1e-6) << seed;
  }
}

TEST(MinNormSolver, SaysThatTheMatrixIsNotFinite) {
  Matrix gram(2, 2, 1);
  gram(0, 1) = std::numeric_limits<double>::quiet_NaN();
  MinNormSolver solver;
  std::vector<double> x;
  EXPECT_FALSE(solver.solve(gram, x).solved);
  EXPECT_EQ(x, (std::vector<double>{0.5, 0.5}));
}

}  // namespace
}  // namespace polytask
