#include <polytask/core/error.h>
#include <polytask/core/random.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polytask {
namespace {

TEST(HashText, IsFnv1a) {
  EXPECT_EQ(hash_text(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(hash_text("a"), 0xaf63dc4c8601ec8cULL);
  EXPECT_EQ(hash_text("b", hash_text("a")), hash_text("ab"));
}

// Computed by an independent implementation; they must never change, or old runs could not be repeated.
TEST(Random, FirstValuesArePinned) {
  Random zero(0);
  EXPECT_EQ(zero.bits(), 0x99ec5f36cb75f2b4ULL);
  EXPECT_EQ(zero.bits(), 0xbf6e1f784956452aULL);
  EXPECT_EQ(zero.bits(), 0x1a5f849d4933e6e0ULL);
  EXPECT_EQ(stream_seed(1, "data/shuffle"), 0x12c28103d9e14dc8ULL);
  EXPECT_EQ(stream_seed(1, "init/backbone"), 0x9b81eaa487ad1db9ULL);
  Random stream(1, "data/shuffle");
  EXPECT_EQ(stream.bits(), 0x226a7af38d50a78cULL);
  EXPECT_EQ(stream.bits(), 0x2dd345a395500d0fULL);
  Random uniform(42);
  EXPECT_EQ(uniform.uniform(), 0.08386297105988216);
  EXPECT_EQ(uniform.uniform(), 0.3789802506626686);
  Random normal(42);
  EXPECT_NEAR(normal.normal(), -0.303263064678738, 1e-14);
  EXPECT_NEAR(normal.normal(), 1.3438117634372806, 1e-14);
}

TEST(Random, StreamsDependOnSeedAndNameOnly) {
  Random first(5, "a");
  Random other(5, "b");
  for (int i = 0; i < 100; ++i) other.bits();
  Random again(5, "a");
  EXPECT_EQ(first.bits(), again.bits());
  EXPECT_NE(stream_seed(5, "a"), stream_seed(5, "b"));
  EXPECT_NE(stream_seed(5, "a"), stream_seed(6, "a"));
}

TEST(Random, StateIsSavedAndLoaded) {
  Random random(7, "x");
  for (int i = 0; i < 13; ++i) random.normal();
  const auto state = random.state();
  const std::vector<double> expected = {random.uniform(), random.normal(), random.uniform(-1, 1)};
  Random loaded(0);
  loaded.set_state(state);
  EXPECT_EQ(loaded.uniform(), expected[0]);
  EXPECT_EQ(loaded.normal(), expected[1]);
  EXPECT_EQ(loaded.uniform(-1, 1), expected[2]);
  EXPECT_EQ(loaded.state(), random.state());
}

TEST(Random, RefusesStatesThatAreNone) {
  Random random;
  const auto message = [&](const std::vector<int64_t>& words) -> std::string {
    try {
      random.set_state(words);
    } catch (const InputError& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(message({1, 2, 3}), testing::HasSubstr("has 4 words, not 3"));
  EXPECT_THAT(message({0, 0, 0, 0}), testing::HasSubstr("can not be all zeros"));
}

TEST(Random, UniformIsUniform) {
  Random random(3);
  constexpr int kDraws = 100000, kBins = 10;
  std::vector<int> bins(kBins);
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ++bins[static_cast<size_t>(u * kBins)];
  }
  // Five standard deviations of a binomial count.
  for (const int count : bins) EXPECT_NEAR(count, kDraws / kBins, 5 * std::sqrt(kDraws * 0.1 * 0.9));
}

TEST(Random, NormalHasMeanZeroAndVarianceOne) {
  Random random(4);
  constexpr int kDraws = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0, 5 * std::sqrt(2.0 / kDraws));
}

TEST(Random, BelowCoversItsRangeEvenly) {
  Random random(5);
  std::vector<int> counts(3);
  for (int i = 0; i < 30000; ++i) {
    const int64_t x = random.below(3);
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 3);
    ++counts[static_cast<size_t>(x)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(30000 * 2.0 / 9.0));
  EXPECT_EQ(random.below(1), 0);
  EXPECT_GE(random.below(INT64_MAX), 0);
}

TEST(Random, PermutationHoldsEveryIndexOnce) {
  Random random(6);
  auto order = random.permutation(1000);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_TRUE(random.permutation(0).empty());
}

TEST(Random, ShuffleReachesEveryOrderEquallyOften) {
  Random random(8);
  std::map<std::vector<int>, int> counts;
  for (int i = 0; i < 12000; ++i) {
    std::vector<int> values = {1, 2, 3};
    random.shuffle(values);
    ++counts[values];
  }
  ASSERT_EQ(counts.size(), 6u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 2000, 5 * std::sqrt(12000 * 5.0 / 36.0));
}

TEST(SeedTorch, MakesLibtorchRepeatItself) {
  seed_torch(1, "init/backbone");
  const auto first = torch::rand({5});
  seed_torch(1, "init/heads");
  const auto other = torch::rand({5});
  seed_torch(1, "init/backbone");
  EXPECT_TRUE(torch::equal(torch::rand({5}), first));
  EXPECT_FALSE(torch::equal(other, first));
}

}  // namespace
}  // namespace polytask
