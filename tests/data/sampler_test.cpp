#include <polytask/data/sampler.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

using testing::HasSubstr;
using Rows = std::vector<int64_t>;

Node sampler_node(const std::string& type, const std::string& task = "") {
  Node node = Node::map_of({{"type", Node::scalar_of(type)}});
  if (!task.empty()) node.set("task", Node::scalar_of(task));
  return node;
}

// Row i of 100 is of class 0 (90 rows), 1 (9 rows) or 2 (one row); rows 50 and up of task `half` have no label.
std::map<std::string, Targets> imbalanced() {
  std::map<std::string, Targets> targets;
  const at::Tensor row = at::arange(100, at::kLong);
  targets["kind"].values = row.ge(90).to(at::kLong) + row.ge(99).to(at::kLong);
  targets["flag"].values = row.ge(80).to(at::kFloat).view({100, 1});
  targets["half"].values = row.remainder(2);
  targets["half"].valid = row.lt(50);
  targets["none"].values = row.remainder(2);
  targets["none"].valid = row.lt(0);
  targets["size"].values = row.to(at::kFloat).view({100, 1});
  return targets;
}

Rows all_rows() {
  Rows rows;
  for (int64_t i = 0; i < 100; ++i) rows.push_back(i);
  return rows;
}

Rows order_of(const Node& node, uint64_t seed, int64_t epoch) {
  const auto targets = imbalanced();
  return samplers().create(node, {all_rows(), targets})->order(seed, epoch);
}

std::map<int64_t, int64_t> counts_of(const Rows& order, const at::Tensor& classes) {
  std::map<int64_t, int64_t> counts;
  for (const int64_t row : order) ++counts[classes.view({-1})[row].item().toLong()];
  return counts;
}

TEST(Sampler, ShuffleIsAPermutationOfSeedAndEpoch) {
  const Rows order = order_of(sampler_node("shuffle"), 1, 0);
  EXPECT_THAT(order, testing::UnorderedElementsAreArray(all_rows()));
  EXPECT_EQ(order, order_of(sampler_node("shuffle"), 1, 0));
  EXPECT_NE(order, order_of(sampler_node("shuffle"), 1, 1));
  EXPECT_NE(order, order_of(sampler_node("shuffle"), 2, 0));
}

TEST(Sampler, SequentialKeepsTheOrder) { EXPECT_EQ(order_of(sampler_node("sequential"), 1, 5), all_rows()); }

TEST(Sampler, BalancedDrawsClassesEquallyOften) {
  const auto targets = imbalanced();
  const Rows order = order_of(sampler_node("balanced", "kind"), 1, 0);
  EXPECT_EQ(order.size(), 100U);
  const auto counts = counts_of(order, targets.at("kind").values);
  for (const int64_t label : {0, 1, 2}) EXPECT_NEAR(static_cast<double>(counts.at(label)), 33.5, 0.6) << label;
  EXPECT_EQ(order, order_of(sampler_node("balanced", "kind"), 1, 0));
  EXPECT_NE(order, order_of(sampler_node("balanced", "kind"), 1, 1));
  const auto flags = counts_of(order_of(sampler_node("balanced", "flag"), 1, 0), targets.at("flag").values);
  EXPECT_EQ(flags.at(0), 50);
  EXPECT_EQ(flags.at(1), 50);
}

TEST(Sampler, BalancedNeverDrawsRowsWithoutALabel) {
  const Rows order = order_of(sampler_node("balanced", "half"), 1, 0);
  EXPECT_EQ(order.size(), 100U);
  EXPECT_LT(*std::max_element(order.begin(), order.end()), 50);
}

TEST(Sampler, MistakesAreNamed) {
  EXPECT_THAT(error_of([] { order_of(sampler_node("balanced", "knd"), 1, 0); }), HasSubstr("did you mean \"kind\""));
  EXPECT_THAT(error_of([] { order_of(sampler_node("balanced", "size"), 1, 0); }),
              HasSubstr("has no classes to balance"));
  EXPECT_THAT(error_of([] { order_of(sampler_node("balanced", "none"), 1, 0); }),
              HasSubstr("no training row has a label"));
  EXPECT_THAT(error_of([] { order_of(sampler_node("balanced"), 1, 0); }), HasSubstr("\"task\" is missing"));
  EXPECT_THAT(error_of([] { order_of(sampler_node("suffle"), 1, 0); }), HasSubstr("did you mean \"shuffle\""));
}

}  // namespace
}  // namespace polytask
