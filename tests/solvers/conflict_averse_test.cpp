#include <polytask/solvers/conflict_averse.h>

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

struct Solved {
  ConflictAverse solution;
  SolverStatus status;
  std::vector<double> b, rows_times_d;  // Gḡ, G(ḡ + Gᵀy)
  double radius = 0;
  double size = 0;  // Σ‖g_j‖ (1/T + y_j): what rounding is relative to
};

Solved solve(const Matrix& gram, double c, double epsilon = 0) {
  Solved solved;
  const std::vector<double> mean(static_cast<size_t>(gram.rows()), 1 / static_cast<double>(gram.rows()));
  solved.b = product_of(gram, mean);
  solved.radius = c * std::sqrt(std::max(inner(mean, solved.b), 0.0) + epsilon);
  ConflictAverseSolver solver;
  solved.status = solver.solve(gram, solved.radius, epsilon, solved.solution);
  std::vector<double> total = solved.solution.y;
  for (double& value : total) value += mean[0];
  solved.rows_times_d = product_of(gram, total);
  solved.size = inner(total, lengths_of(gram));
  return solved;
}

// Of max ν subject to Gd ≥ ν, ‖d − ḡ‖ ≤ radius: the worst violation of d's optimality, relative to rounding.
double violation(const Matrix& gram, const Solved& solved) {
  const auto& [x, y, lambda, length, is_projection] = solved.solution;
  const auto lengths = lengths_of(gram);
  const auto y_product = product_of(gram, y);
  // ν, from the row that knows it best.
  double level = 0, shortest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < y.size(); ++i) {
    if (is_projection || y[i] == 0 || lengths[i] >= shortest) continue;
    level = solved.rows_times_d[i];
    shortest = lengths[i];
  }
  double worst = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    if (lengths[i] == 0) continue;
    const double above = (solved.rows_times_d[i] - level) / lengths[i];
    worst = std::max(worst, (y[i] > 0 ? std::abs(above) : -above) / solved.size);
  }
  const double distance = std::sqrt(std::max(inner(y, y_product), 0.0));
  // The rounding of M is that of distance².
  const double noise = 1e-7 * inner(y, lengths);
  if (is_projection) return std::max(worst, distance > solved.radius + noise ? 1.0 : 0.0);
  return std::max(worst, std::abs(distance - solved.radius) > 1e-9 * solved.radius + noise ? 1.0 : 0.0);
}

RC_GTEST_PROP(ConflictAverseSolver, IsOptimal, ()) {
  const RowsCase given = any_rows();
  const double c = *rc::gen::element(1e-3, 0.1, 0.4, 0.5, 0.9, 1.0, 1.5, 10.0);
  show_rows(given);
  RC_LOG() << "c " << c << "\n";
  const Matrix gram = gram_of(make_rows(given));
  const Solved solved = solve(gram, c);
  RC_ASSERT(solved.status.solved);
  const auto& x = solved.solution.x;
  RC_ASSERT(*std::min_element(x.begin(), x.end()) >= 0);
  RC_ASSERT(std::abs(std::accumulate(x.begin(), x.end(), 0.0) - 1) < 1e-11);
  RC_ASSERT(violation(gram, solved) <= 1e-9);
}

RC_GTEST_PROP(ConflictAverseSolver, NoPointOfTheSimplexIsLower, ()) {
  RowsCase given = any_rows(10);
  given.row_decades = std::min(given.row_decades, 1.0);
  given.decade = 0;
  const double c = *rc::gen::element(0.1, 0.5, 1.5), epsilon = *rc::gen::element(0.0, 1e-8, 1e-2);
  show_rows(given);
  RC_LOG() << "c " << c << " epsilon " << epsilon << "\n";
  const Matrix gram = gram_of(make_rows(given));
  const Solved solved = solve(gram, c, epsilon);
  RC_ASSERT(solved.status.solved);
  const auto objective = [&](const std::vector<double>& x) {
    return inner(x, solved.b) + solved.radius * std::sqrt(std::max(inner(x, product_of(gram, x)), 0.0) + epsilon);
  };
  const double best = objective(solved.solution.x);
  const double size =
      solved.radius * 10 * std::sqrt(*std::max_element(gram.data(), gram.data() + gram.rows() * gram.rows()));
  Random random(given.seed, "points");
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<double> x;
    double sum = 0;
    for (size_t i = 0; i < solved.b.size(); ++i) sum += x.emplace_back(std::pow(random.uniform(), 8.0) + 1e-12);
    const double share = trial % 2 == 0 ? 1 : 1e-3;
    for (size_t i = 0; i < x.size(); ++i) x[i] = (1 - share) * solved.solution.x[i] + share * x[i] / sum;
    RC_ASSERT(objective(x) >= best - 1e-7 * size);
  }
}

RC_GTEST_PROP(ConflictAverseSolver, NoTaskIsMadeWorseFromOneOn, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Matrix gram = gram_of(make_rows(given));
  const Solved solved = solve(gram, *rc::gen::element(1.0, 1.001, 3.0));
  const auto lengths = lengths_of(gram);
  for (size_t i = 0; i < lengths.size(); ++i) RC_ASSERT(solved.rows_times_d[i] >= -1e-9 * lengths[i] * solved.size);
}

TEST(ConflictAverseSolver, OneRowMovesAlongItself) {
  const Solved solved = solve(gram_of({{3, 4}}), 0.5);
  EXPECT_TRUE(solved.status.solved);
  EXPECT_NEAR(solved.solution.y[0], 0.5, 1e-14);
  EXPECT_NEAR(solved.solution.length, 2.5, 1e-13);
  EXPECT_EQ(solved.solution.x, (std::vector<double>{1}));
}

TEST(ConflictAverseSolver, ARadiusOfZeroIsTheMean) {
  const Solved solved = solve(gram_of({{3, 4}, {-1, 0}}), 0);
  EXPECT_TRUE(solved.status.solved);
  EXPECT_EQ(solved.solution.y, (std::vector<double>{0, 0}));
  EXPECT_FALSE(solved.solution.is_projection);
}

TEST(ConflictAverseSolver, WithoutCommonDescentItProjects) {
  // g_0 = −g_1 = (1, 0), g_2 = (1, 1), ḡ = (1/3, 1/3): what does not harm g_0 and g_1 is (0, 1/3).
  const Solved solved = solve(gram_of({{1, 0}, {-1, 0}, {1, 1}}), 1);
  EXPECT_TRUE(solved.solution.is_projection);
  EXPECT_NEAR(solved.solution.length, 1.0 / 3, 1e-9);
  EXPECT_NEAR(solved.rows_times_d[0], 0, 1e-15);
  EXPECT_NEAR(solved.rows_times_d[2], 1.0 / 3, 1e-15);
  EXPECT_NEAR(solved.solution.x[0], 0.5, 1e-9);
  EXPECT_NEAR(solved.solution.x[1], 0.5, 1e-9);
  // Out of reach of a smaller radius, 0.2 ‖ḡ‖ < 1/3: the worst-off is improved as far as it goes.
  const Solved near = solve(gram_of({{1, 0}, {-1, 0}, {1, 1}}), 0.2);
  EXPECT_FALSE(near.solution.is_projection);
  EXPECT_NEAR(near.rows_times_d[1], -1.0 / 3 + 0.2 * std::sqrt(2.0) / 3, 1e-14);
}

TEST(ConflictAverseSolver, TheProjectionIsTheLimitOfSmallEpsilon) {
  const Matrix gram = gram_of({{1, 0}, {-1, 0}, {1, 1}});
  const Solved solved = solve(gram, 1, 1e-12);
  const auto& found = solved.solution;
  const double root = std::sqrt(inner(found.x, product_of(gram, found.x)) + 1e-12);
  std::vector<double> weights;
  for (const double x : found.x) weights.push_back(1.0 / 3 + solved.radius * x / root);
  const auto products = product_of(gram, weights);
  EXPECT_NEAR(products[0], 0, 1e-6);
  EXPECT_NEAR(products[2], 1.0 / 3, 1e-6);
}

TEST(ConflictAverseSolver, AZeroRowForbidsNothing) {
  const Solved solved = solve(gram_of({{3, 1}, {0, 0}, {1, 2}}), 0.4);
  EXPECT_TRUE(solved.solution.is_projection);
  EXPECT_EQ(solved.solution.y, (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(solved.solution.x, (std::vector<double>{0, 1, 0}));
}

TEST(ConflictAverseSolver, RowsOfZerosMakeNoStep) {
  const Solved solved = solve(Matrix(3, 3), 0.5, 1e-8);
  EXPECT_TRUE(solved.status.solved);
  EXPECT_EQ(solved.solution.y, (std::vector<double>{0, 0, 0}));
}

TEST(ConflictAverseSolver, SaysThatTheMatrixIsNotFinite) {
  Matrix gram(2, 2, 1);
  gram(1, 1) = std::numeric_limits<double>::infinity();
  ConflictAverseSolver solver;
  ConflictAverse solution;
  EXPECT_FALSE(solver.solve(gram, 1, 0, solution).solved);
  EXPECT_EQ(solution.y, (std::vector<double>{0, 0}));
  EXPECT_EQ(solution.x, (std::vector<double>{0.5, 0.5}));
}

}  // namespace
}  // namespace polytask
