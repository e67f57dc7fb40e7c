#include <polytask/solvers/nelder_mead.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

TEST(NelderMead, finds_the_minimum_of_a_curved_valley) {
  const auto valley = [](const std::vector<double>& x) {
    return 100 * std::pow(x[1] - x[0] * x[0], 2) + std::pow(1 - x[0], 2);
  };
  const auto minimum = minimise_nelder_mead(valley, {-1.2, 1});
  EXPECT_TRUE(minimum.converged);
  EXPECT_NEAR(minimum.x[0], 1, 1e-4);
  EXPECT_NEAR(minimum.x[1], 1, 1e-4);
}

TEST(NelderMead, passes_by_values_that_are_not_finite) {
  const auto walled = [](const std::vector<double>& x) {
    return x[0] < 0.5 ? std::numeric_limits<double>::quiet_NaN() : x[0] - std::log(x[0] - 0.5) + x[1] * x[1];
  };
  const auto minimum = minimise_nelder_mead(walled, {3, 2});
  EXPECT_NEAR(minimum.x[0], 1.5, 1e-4);
  EXPECT_NEAR(minimum.x[1], 0, 1e-4);
}

TEST(NelderMead, stops_at_the_limit_and_says_so) {
  const auto plane = [](const std::vector<double>& x) { return x[0] + x[1]; };
  const auto minimum = minimise_nelder_mead(plane, {0, 0}, {0.1, 1e-10, 1e-7, 100, 5});
  EXPECT_FALSE(minimum.converged);
  EXPECT_LT(minimum.evaluations, 120);
}

}  // namespace
}  // namespace polytask
