#include <polytask/training/compare/statistics.h>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace polytask {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Printed tables of Student's t, upper 2.5 % and 0.5 %.
TEST(CompareStatistics, QuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(student_quantile(0.975, 1), 12.706, 1e-3);
  EXPECT_NEAR(student_quantile(0.975, 2), 4.303, 1e-3);
  EXPECT_NEAR(student_quantile(0.975, 4), 2.776, 1e-3);
  EXPECT_NEAR(student_quantile(0.975, 9), 2.262, 1e-3);
  EXPECT_NEAR(student_quantile(0.975, 30), 2.042, 1e-3);
  EXPECT_NEAR(student_quantile(0.995, 4), 4.604, 1e-3);
  EXPECT_NEAR(student_quantile(0.025, 2), -4.303, 1e-3);
}

// Closed forms: 1 degree of freedom is Cauchy's, 2 has an algebraic distribution function.
TEST(CompareStatistics, DistributionAgreesWithClosedForms) {
  for (const double t : {-7.0, -1.5, -0.1, 0.0, 0.3, 2.0, 40.0}) {
    EXPECT_NEAR(student_cdf(t, 1), 0.5 + std::atan(t) / M_PI, 1e-12) << t;
    EXPECT_NEAR(student_cdf(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-12) << t;
  }
}

// 1, 2, 4: mean 7/3, deviation √(7/3), half width 4.30265 √(7/9).
TEST(CompareStatistics, IntervalOfThreeValuesByHand) {
  const auto interval = mean_interval({1, kNone, 2, 4});
  EXPECT_EQ(interval.count, 3);
  EXPECT_NEAR(interval.mean, 7.0 / 3, 1e-12);
  EXPECT_NEAR(interval.deviation, std::sqrt(7.0 / 3), 1e-12);
  EXPECT_NEAR(interval.low, 7.0 / 3 - 4.302653 * std::sqrt(7.0 / 9), 1e-5);
  EXPECT_NEAR(interval.high, 7.0 / 3 + 4.302653 * std::sqrt(7.0 / 9), 1e-5);
  const double t = 7.0 / 3 / std::sqrt(7.0 / 9);
  EXPECT_NEAR(interval.p, 1 - t / std::sqrt(2 + t * t), 1e-12);
}

TEST(CompareStatistics, TooFewValuesHaveNoInterval) {
  const auto one = mean_interval({3});
  EXPECT_EQ(one.mean, 3);
  for (const double value : {one.deviation, one.low, one.high, one.p}) EXPECT_TRUE(std::isnan(value));
  EXPECT_TRUE(std::isnan(mean_interval({}).mean));
}

TEST(CompareStatistics, EqualValuesProveNothing) {
  EXPECT_TRUE(std::isnan(mean_interval({2, 2, 2}).p));
  EXPECT_EQ(mean_interval({0, 0, 0}).p, 1);
}

// Sums of equal numbers are rounded, so that their mean may not be one of them.
TEST(CompareStatistics, EqualValuesHaveNoSpreadWhateverTheirDigits) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> values(-100, 100);
  for (int i = 0; i < 1000; ++i) {
    const double v = values(random);
    const auto interval = mean_interval({v, v, v});
    EXPECT_EQ(interval.deviation, 0) << v;
    EXPECT_TRUE(std::isnan(interval.p)) << v;
  }
}

TEST(CompareStatistics, WhatRoundingLeavesIsNoDifference) {
  const auto d = differences({0.1 + 0.2, 0.3, -7}, {0.3, 0.3 + 1e-9, -7 * (1 + 1e-15)});
  EXPECT_EQ(d[0], 0);
  EXPECT_NEAR(d[1], -1e-9, 1e-12);
  EXPECT_EQ(d[2], 0);
}

TEST(CompareStatistics, DifferencesArePaired) {
  const auto d = differences({5, kNone, 1}, {3, 2, 4});
  EXPECT_EQ(d[0], 2);
  EXPECT_TRUE(std::isnan(d[1]));
  EXPECT_EQ(d[2], -3);
}

// Four p-values: the smallest times 4, the next times 3, the third (2 × 0.04) kept from falling below it.
TEST(CompareStatistics, HolmByHand) {
  const auto p = holm({0.03, kNone, 0.01, 0.04, 0.9});
  EXPECT_NEAR(p[2], 0.04, 1e-12);
  EXPECT_NEAR(p[0], 0.09, 1e-12);
  EXPECT_NEAR(p[3], 0.09, 1e-12);
  EXPECT_NEAR(p[4], 0.9, 1e-12);
  EXPECT_TRUE(std::isnan(p[1]));
}

}  // namespace
}  // namespace polytask
