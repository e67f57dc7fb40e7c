#include <polytask/analysis/gradient_conflict.h>
#include <polytask/core/error.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace polytask {
namespace {

using Rows = std::vector<std::vector<double>>;

Matrix gram_of(const Rows& rows) {
  const auto n = static_cast<int64_t>(rows.size());
  Matrix gram(n, n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const auto &a = rows[static_cast<size_t>(i)], &b = rows[static_cast<size_t>(j)];
      gram(i, j) = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    }
  return gram;
}

// Rows of small integers, so that nothing depends on rounding.
Rows random_rows() {
  const int tasks = *rc::gen::inRange(1, 9), columns = *rc::gen::inRange(1, 12);
  Rows rows;
  for (int t = 0; t < tasks; ++t) {
    std::vector<double> row;
    for (int p = 0; p < columns; ++p) row.push_back(*rc::gen::inRange(-4, 5));
    rows.push_back(row);
  }
  return rows;
}

TEST(GradientConflict, OfTwoRowsByHand) {
  const GradientConflict got = gradient_conflict(gram_of({{3, 0}, {-1, 1}}));
  EXPECT_DOUBLE_EQ(got.norms[0], 3);
  EXPECT_DOUBLE_EQ(got.norms[1], std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(got.total_norm, std::sqrt(5.0));
  EXPECT_DOUBLE_EQ(got.cosine(0, 1), -1 / std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(got.magnitude_similarity(1, 0), 2 * 3 * std::sqrt(2.0) / 11);
  EXPECT_DOUBLE_EQ(got.curvature_bound(0, 1), 0.5 * 17 / 5);
  EXPECT_EQ(got.curvature_bound(0, 0), 0);
  // σ² are the roots of x² − 11 x + 9
  EXPECT_NEAR(got.singular_values[0], std::sqrt((11 + std::sqrt(85.0)) / 2), 1e-14);
  EXPECT_NEAR(got.singular_values[1], std::sqrt((11 - std::sqrt(85.0)) / 2), 1e-14);
  EXPECT_DOUBLE_EQ(got.condition_number, got.singular_values[0] / got.singular_values[1]);
}

TEST(GradientConflict, ZeroAndOppositeRowsHaveTheirLimits) {
  const GradientConflict got = gradient_conflict(gram_of({{0, 0}, {1, 2}, {-1, -2}, {0, 0}}));
  EXPECT_EQ(got.cosine(0, 1), 0);
  EXPECT_EQ(got.cosine(0, 0), 0);
  EXPECT_DOUBLE_EQ(got.cosine(1, 2), -1);
  EXPECT_EQ(got.magnitude_similarity(0, 1), 0);
  EXPECT_EQ(got.magnitude_similarity(0, 3), 1);
  EXPECT_EQ(got.curvature_bound(1, 2), 4);
  EXPECT_EQ(got.curvature_bound(0, 3), 0);
  EXPECT_EQ(got.total_norm, 0);
  EXPECT_NEAR(got.singular_values[0], std::sqrt(10.0), 1e-14);
  EXPECT_EQ(got.singular_values[1], 0);
  EXPECT_EQ(got.condition_number, 1);
  EXPECT_EQ(gradient_conflict(Matrix(3, 3)).condition_number, 1);
}

TEST(GradientConflict, KeepsTheDigitsOfBadlyScaledRows) {
  // Orthogonal rows: the singular values are their lengths.
  const GradientConflict got = gradient_conflict(gram_of({{3e8, 4e8, 0}, {0, 0, 7}, {-8e-9, 6e-9, 0}}));
  EXPECT_NEAR(got.singular_values[0] / 5e8, 1, 1e-12);
  EXPECT_NEAR(got.singular_values[1] / 7, 1, 1e-12);
  EXPECT_NEAR(got.singular_values[2] / 1e-8, 1, 1e-12);
  EXPECT_NEAR(got.condition_number / 5e16, 1, 1e-12);
}

TEST(GradientConflict, DuplicateRowsDoNotCount) {
  const GradientConflict got = gradient_conflict(gram_of({{0.1, 0.7}, {0.3, -0.2}, {0.1, 0.7}}));
  EXPECT_EQ(got.singular_values[2], 0);
  EXPECT_LT(got.condition_number, 10);
}

TEST(GradientConflict, RefusesWhatIsNoGramMatrix) {
  EXPECT_THROW(gradient_conflict(Matrix(2, 3)), WorkError);
  EXPECT_THROW(gradient_conflict(Matrix(2, 2, std::numeric_limits<double>::quiet_NaN())), WorkError);
}

RC_GTEST_PROP(GradientConflict, IsFiniteSymmetricAndWithinItsBounds, ()) {
  const Rows rows = random_rows();
  const GradientConflict got = gradient_conflict(gram_of(rows));
  for (int64_t i = 0; i < got.cosine.rows(); ++i)
    for (int64_t j = 0; j < got.cosine.rows(); ++j) {
      RC_ASSERT(got.cosine(i, j) == got.cosine(j, i));
      RC_ASSERT(std::abs(got.cosine(i, j)) <= 1);
      RC_ASSERT(got.magnitude_similarity(i, j) >= 0 && got.magnitude_similarity(i, j) <= 1);
      RC_ASSERT(got.curvature_bound(i, j) >= 0 && std::isfinite(got.curvature_bound(i, j)));
    }
  RC_ASSERT(std::is_sorted(got.singular_values.rbegin(), got.singular_values.rend()));
  RC_ASSERT(got.condition_number >= 1 && std::isfinite(got.condition_number));
}

RC_GTEST_PROP(GradientConflict, SquaredSingularValuesSumToTheTrace, ()) {
  const Rows rows = random_rows();
  const Matrix gram = gram_of(rows);
  const GradientConflict got = gradient_conflict(gram);
  double trace = 0, squares = 0, fourths = 0, expected = 0;
  for (int64_t i = 0; i < gram.rows(); ++i) {
    trace += gram(i, i);
    for (int64_t j = 0; j < gram.rows(); ++j) expected += gram(i, j) * gram(i, j);
  }
  for (double value : got.singular_values) {
    squares += value * value;
    fourths += value * value * value * value;
  }
  RC_ASSERT(std::abs(squares - trace) <= 1e-12 * (1 + trace));
  RC_ASSERT(std::abs(fourths - expected) <= 1e-12 * (1 + expected));
}

RC_GTEST_PROP(GradientConflict, AScaleOfAllRowsOnlyScalesLengths, ()) {
  Rows rows = random_rows();
  const GradientConflict before = gradient_conflict(gram_of(rows));
  const double scale = std::ldexp(1.0, *rc::gen::inRange(-33, 34));
  for (auto& row : rows)
    for (double& value : row) value *= scale;
  const GradientConflict after = gradient_conflict(gram_of(rows));
  RC_ASSERT(after.condition_number == before.condition_number);
  RC_ASSERT(after.total_norm == scale * before.total_norm);
  for (int64_t i = 0; i < before.cosine.rows() * before.cosine.rows(); ++i) {
    RC_ASSERT(after.cosine.data()[i] == before.cosine.data()[i]);
    RC_ASSERT(after.curvature_bound.data()[i] == before.curvature_bound.data()[i]);
  }
}

}  // namespace
}  // namespace polytask
