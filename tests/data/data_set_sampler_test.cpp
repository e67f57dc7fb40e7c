#include <polytask/data/samplers/data_set_draws.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<int64_t>;

// Data sets of 100, 50 and 10 rows; every row trains.
SamplerContext context(int64_t batch_size = 16) {
  static const std::map<std::string, Targets> none;
  Rows rows(160);
  std::iota(rows.begin(), rows.end(), 0);
  return {rows, none, {{"big", 0, 100, {}}, {"middle", 100, 150, {}}, {"small", 150, 160, {}}}, batch_size};
}

Node sampler(const std::string& type, const std::vector<std::pair<std::string, std::string>>& options = {}) {
  Node node = Node::map_of({{"type", Node::scalar_of(type)}});
  for (const auto& [name, value] : options) node.set(name, Node::scalar_of(value));
  return node;
}

Node weights(const std::vector<std::pair<std::string, std::string>>& given) {
  Node node = sampler("weights"), map = Node::map_of();
  for (const auto& [name, value] : given) map.set(name, Node::scalar_of(value));
  node.set("weights", map);
  return node;
}

Rows counts_of(const Rows& order) {
  Rows counts(3, 0);
  for (const int64_t row : order) ++counts[row < 100 ? 0 : row < 150 ? 1 : 2];
  return counts;
}

Rows counts_of(const Node& node) { return counts_of(samplers().create(node, context())->order(1, 0)); }

TEST(DataSetSamplers, DrawsOfAnEpochAreExact) {
  EXPECT_THAT(counts_of(sampler("proportional")), ElementsAre(100, 50, 10));
  EXPECT_THAT(counts_of(sampler("proportional", {{"epoch", "shortest"}})), ElementsAre(100, 50, 10));
  EXPECT_THAT(counts_of(sampler("uniform")), ElementsAre(100, 100, 100));
  EXPECT_THAT(counts_of(sampler("uniform", {{"epoch", "shortest"}})), ElementsAre(10, 10, 10));
  // n^(1/2): 10, 7.071, 3.162; the big set decides: 100, 70.71, 31.62, in all 202
  EXPECT_THAT(counts_of(sampler("temperature", {{"temperature", "2"}})), ElementsAre(100, 71, 31));
  // the small set decides: 31.62, 22.36, 10, in all 64
  EXPECT_THAT(counts_of(sampler("temperature", {{"epoch", "shortest"}})), ElementsAre(32, 22, 10));
  // 10 batches of 16: 79.08, 55.92, 25.01
  EXPECT_THAT(counts_of(sampler("temperature", {{"epoch", "steps"}, {"steps", "10"}})), ElementsAre(79, 56, 25));
  EXPECT_THAT(counts_of(sampler("temperature", {{"temperature", "1"}})), ElementsAre(100, 50, 10));
  // the middle set takes longest: 50 / 1
  EXPECT_THAT(counts_of(weights({{"big", "4"}, {"middle", "1"}, {"small", "2"}})), ElementsAre(200, 50, 100));
  EXPECT_THAT(counts_of(weights({{"big", "0"}, {"middle", "1"}, {"small", "1"}})), ElementsAre(0, 50, 50));
}

TEST(DataSetSamplers, OrderIsAPureFunctionAndOfOneLength) {
  const auto temperature = samplers().create(sampler("temperature"), context());
  const Rows order = temperature->order(1, 3);
  EXPECT_EQ(order, samplers().create(sampler("temperature"), context())->order(1, 3));
  EXPECT_NE(order, temperature->order(2, 3));
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    EXPECT_EQ(counts_of(temperature->order(1, epoch)), counts_of(order)) << epoch;
    if (epoch != 3) {
      EXPECT_NE(order, temperature->order(1, epoch)) << epoch;
    }
  }
}

TEST(DataSetSamplers, SetsAreMixedThroughout) {
  const Rows order = samplers().create(sampler("uniform"), context())->order(1, 0);
  for (size_t begin = 0; begin < 300; begin += 60) {
    const Rows counts =
        counts_of({order.begin() + static_cast<int64_t>(begin), order.begin() + static_cast<int64_t>(begin) + 60});
    for (const int64_t count : counts) EXPECT_GT(count, 8) << begin;
  }
}

// The draws of one set, epoch after epoch, are passes over all its rows, whatever an epoch's length.
TEST(DataSetSamplers, NoRowComesAgainBeforeAllWereSeen) {
  for (const char* epoch : {"longest", "shortest"}) {
    const auto mixed = samplers().create(sampler("temperature", {{"epoch", epoch}}), context());
    std::vector<Rows> seen(3);
    for (int64_t e = 0; e < 20; ++e)
      for (const int64_t row : mixed->order(1, e)) seen[row < 100 ? 0 : row < 150 ? 1 : 2].push_back(row);
    const size_t sizes[] = {100, 50, 10};
    std::vector<Rows> first_passes;
    for (size_t s = 0; s < 3; ++s) {
      for (size_t begin = 0; begin + sizes[s] <= seen[s].size(); begin += sizes[s]) {
        const auto from = seen[s].begin() + static_cast<int64_t>(begin);
        const std::set<int64_t> pass(from, from + static_cast<int64_t>(sizes[s]));
        ASSERT_EQ(pass.size(), sizes[s]) << epoch << ": set " << s << " from draw " << begin;
      }
    }
    const Rows one(seen[2].begin(), seen[2].begin() + 10), two(seen[2].begin() + 10, seen[2].begin() + 20);
    EXPECT_NE(one, two);  // each pass has an order of its own
  }
}

RC_GTEST_PROP(DataSetSamplersProperty, CountsAreWithinOneOfTheirQuota, ()) {
  const auto sizes = *rc::gen::container<std::vector<int>>(3, rc::gen::inRange(1, 400));
  const auto given = *rc::gen::container<std::vector<int>>(3, rc::gen::inRange(1, 50));
  EpochOptions options;
  options.epoch = *rc::gen::element<std::string>("longest", "shortest");
  std::vector<WeightedSet> sets;
  double longest = 0, shortest = 1e9;
  for (size_t s = 0; s < 3; ++s) {
    sets.push_back({std::to_string(s), Rows(static_cast<size_t>(sizes[s])), static_cast<double>(given[s])});
    longest = std::max(longest, sizes[s] / static_cast<double>(given[s]));
    shortest = std::min(shortest, sizes[s] / static_cast<double>(given[s]));
  }
  const double factor = options.epoch == "longest" ? longest : shortest;
  const auto draws = draws_per_epoch(sets, options, 1);
  double total = 0;
  bool exactly_once = false;
  for (size_t s = 0; s < 3; ++s) {
    RC_ASSERT(std::abs(static_cast<double>(draws[s]) - factor * given[s]) < 1 + 1e-6);
    total += factor * given[s];
    exactly_once = exactly_once || draws[s] == sizes[s];
  }
  RC_ASSERT(exactly_once);
  RC_ASSERT(std::abs(static_cast<double>(draws[0] + draws[1] + draws[2]) - total) <= 0.5 + 1e-6);
}

TEST(DataSetSamplers, SetsWithoutTrainingRowsAreLeftOut) {
  auto some = context();
  some.rows.resize(150);
  EXPECT_THAT(counts_of(samplers().create(sampler("uniform"), some)->order(1, 0)), ElementsAre(100, 100, 0));
  const auto node = weights({{"big", "1"}, {"middle", "1"}, {"small", "1"}});
  EXPECT_THAT(error_of([&] { samplers().create(node, some); }), HasSubstr("\"small\" has no training row"));
}

TEST(DataSetSamplers, MistakesAreNamed) {
  const auto failing = [](const Node& node) { return error_of([&] { counts_of(node); }); };
  auto single = context();
  single.data_sets.clear();
  for (const char* type : {"proportional", "uniform", "temperature"})
    EXPECT_THAT(error_of([&] { samplers().create(sampler(type), single); }), HasSubstr("there is only one")) << type;
  EXPECT_THAT(failing(weights({{"big", "1"}, {"middle", "1"}, {"smal", "1"}})), HasSubstr("did you mean \"small\""));
  EXPECT_THAT(failing(weights({{"big", "1"}, {"middle", "1"}})), HasSubstr("\"small\" has none"));
  EXPECT_THAT(failing(weights({{"big", "1"}, {"middle", "-1"}, {"small", "1"}})), HasSubstr("-1 is out of range"));
  EXPECT_THAT(failing(weights({{"big", "0"}, {"middle", "0"}, {"small", "0"}})), HasSubstr("weight above 0"));
  EXPECT_THAT(failing(weights({{"big", "1"}, {"middle", "1"}, {"small", "1e-9"}})), HasSubstr("draws long"));
  EXPECT_THAT(failing(sampler("weights")), HasSubstr("\"weights\" is missing"));
  EXPECT_THAT(failing(sampler("temperature", {{"temperature", "0.5"}})), HasSubstr("must be ≥ 1"));
  EXPECT_THAT(failing(sampler("uniform", {{"epoch", "steps"}})), HasSubstr("needs the number of batches"));
  EXPECT_THAT(failing(sampler("uniform", {{"steps", "3"}})), HasSubstr("go with epoch: steps"));
  EXPECT_THAT(failing(sampler("uniform", {{"epoch", "long"}})), HasSubstr("one of longest, shortest, steps"));
}

}  // namespace
}  // namespace polytask
