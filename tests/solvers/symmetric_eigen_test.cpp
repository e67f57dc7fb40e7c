#include <polytask/solvers/pseudo_inverse.h>
#include <polytask/solvers/symmetric_eigen.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <solvers/gram_cases.h>

#include <cmath>
#include <limits>
#include <vector>

namespace polytask {
namespace {

RC_GTEST_PROP(SymmetricEigen, TakesTheMatrixApart, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Matrix a = gram_of(make_rows(given));
  SymmetricEigen eigen;
  RC_ASSERT(eigen.compute(a));
  const auto& values = eigen.values();
  const Matrix& v = eigen.vectors();
  const double size = std::max(std::abs(values.front()), std::abs(values.back()));
  for (int64_t i = 0; i < a.rows(); ++i)
    for (int64_t j = 0; j < a.rows(); ++j) {
      double sum = 0, dot = 0;
      for (int64_t k = 0; k < a.rows(); ++k) {
        sum += v(i, k) * values[static_cast<size_t>(k)] * v(j, k);
        dot += v(k, i) * v(k, j);
      }
      RC_ASSERT(std::abs(sum - a(i, j)) <= 1e-13 * size);
      RC_ASSERT(std::abs(dot - (i == j ? 1.0 : 0.0)) <= 1e-12);
    }
  for (size_t k = 1; k < values.size(); ++k) RC_ASSERT(values[k - 1] <= values[k]);
}

TEST(SymmetricEigen, RefusesWhatIsNotFinite) {
  Matrix a(2, 2, 1.0);
  a(1, 0) = std::numeric_limits<double>::quiet_NaN();
  SymmetricEigen eigen;
  EXPECT_FALSE(eigen.compute(a));
  EXPECT_EQ(eigen.values(), (std::vector<double>{0, 0}));
}

TEST(PseudoInverse, SolvesInTheRangeAndSaysWhatIsCovered) {
  Matrix a(3, 3);  // diag(2, 0, −4)
  a(0, 0) = 2;
  a(2, 2) = -4;
  PseudoInverse inverse;
  std::vector<double> x;
  ASSERT_TRUE(inverse.solve(a, {2, 3, 4}, 1, x));
  EXPECT_EQ(inverse.rank(), 2);
  EXPECT_NEAR(x[0], 1, 1e-15);
  EXPECT_NEAR(x[1], 0, 1e-15);
  EXPECT_NEAR(x[2], -1, 1e-15);
  EXPECT_NEAR(inverse.covered(), std::sqrt(20.0 / 29), 1e-15);
}

}  // namespace
}  // namespace polytask
