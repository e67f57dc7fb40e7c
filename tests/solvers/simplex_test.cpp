#include <polytask/core/random.h>
#include <polytask/solvers/simplex.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace polytask {
namespace {

std::vector<double> projected(std::vector<double> values) {
  project_to_simplex(values);
  return values;
}

RC_GTEST_PROP(ProjectToSimplex, MeetsTheOptimalityConditions, ()) {
  const auto n = *rc::gen::inRange<int64_t>(1, 60);
  const double scale = *rc::gen::element(1e-10, 0.1, 1.0, 1e3, 1e10), shift = *rc::gen::element(0.0, -5.0, 1e6);
  Random random(*rc::gen::inRange<uint64_t>(0, 1u << 30), "values");
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(shift + scale * random.normal());
  if (n > 2) values[1] = values[2];
  const auto x = projected(values);
  RC_ASSERT(std::abs(std::accumulate(x.begin(), x.end(), 0.0) - 1) < 1e-13);
  // v − x is one number where x > 0, and less where x = 0.
  const auto greatest = static_cast<size_t>(std::max_element(x.begin(), x.end()) - x.begin());
  const double threshold = values[greatest] - x[greatest], rounding = 1e-14 * (scale + std::abs(shift) + 1) * 10;
  for (size_t i = 0; i < x.size(); ++i) {
    RC_ASSERT(x[i] >= 0);
    const double distance = values[i] - x[i] - threshold;
    RC_ASSERT((x[i] > 0 ? std::abs(distance) : distance) <= rounding);
  }
}

TEST(ProjectToSimplex, LeavesItsPointsAlone) {
  EXPECT_EQ(projected({0.25, 0, 0.75}), (std::vector<double>{0.25, 0, 0.75}));
  EXPECT_EQ(projected({1}), (std::vector<double>{1}));
}

TEST(ProjectToSimplex, SharesEqualAndPicksTheGreatest) {
  EXPECT_EQ(projected({7, 7, 7, 7}), (std::vector<double>(4, 0.25)));
  EXPECT_EQ(projected({-3, 1e30, 4}), (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(projected({0.5, 0.5, -1}), (std::vector<double>{0.5, 0.5, 0}));
}

TEST(ProjectToSimplex, EndsWhereRoundingPutsAValueAtTheThreshold) {
  Random random(1, "threshold");
  for (int trial = 0; trial < 20000; ++trial) {
    std::vector<double> values;
    for (int i = 0; i < 3; ++i) values.push_back(random.uniform() < 0.5 ? 1e-9 : random.uniform());
    const double sum = values[0] + values[1] + values[2];
    values[0] += (1 - sum) / 3;
    values[1] += (1 - sum) / 3;
    values[2] += (1 - sum) / 3;
    const auto x = projected(values);
    ASSERT_NEAR(x[0] + x[1] + x[2], 1, 1e-14);
  }
}

}  // namespace
}  // namespace polytask
