#include <polytask/core/error.h>
#include <polytask/data/labelled_sampler.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <set>

namespace polytask {
namespace {

using Rows = std::vector<int64_t>;

Node shuffle() { return Node::map_of({{"type", Node::scalar_of("shuffle")}}); }

// Ten rows; task `a` knows rows 0, 1 and 2, task `b` (two columns) the first column of row 5.
std::map<std::string, Targets> partial(bool all = false) {
  std::map<std::string, Targets> targets;
  targets["a"].values = at::zeros({10}, at::kLong);
  if (!all) targets["a"].valid = at::arange(10).lt(3);
  targets["b"].values = at::zeros({10, 2});
  targets["b"].valid = at::zeros({10, 2}, at::kBool);
  targets["b"].valid[5][0] = true;
  return targets;
}

const Rows kRows = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

TEST(OnlyLabelled, EpochsKeepTheirLengthAndEveryRowTurnsUpEquallyOften) {
  const auto targets = partial();
  const auto sampler = only_labelled(samplers().create(shuffle(), {kRows, targets}), kRows, targets, 1);
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    const auto order = sampler->order(3, epoch);
    EXPECT_EQ(order.size(), kRows.size());
    for (const int64_t row : {0, 1, 2, 5}) {
      const auto times = std::count(order.begin(), order.end(), row);
      EXPECT_TRUE(times == 2 || times == 3) << "10 places for 4 rows; row " << row << ": " << times;
    }
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()), (std::set<int64_t>{0, 1, 2, 5}));
    EXPECT_EQ(order, sampler->order(3, epoch)) << "a pure function of seed and epoch";
  }
  EXPECT_NE(sampler->order(3, 0), sampler->order(3, 1));
}

// The sampler draws most rows from a set without labels: an epoch is still as long as its own.
TEST(OnlyLabelled, KeepsTheLengthUnderASamplerThatFavoursOthers) {
  std::map<std::string, Targets> targets;
  targets["a"].values = at::zeros({40}, at::kLong);
  targets["a"].valid = at::arange(40).ge(32);
  Rows rows;
  for (int64_t row = 0; row < 40; ++row) rows.push_back(row);
  const std::vector<DataSetRange> sets = {{"large", 0, 32, {}}, {"small", 32, 40, {}}};
  const auto weights = [](const std::string& large, const std::string& small) {
    return Node::map_of(
        {{"type", Node::scalar_of("weights")},
         {"weights", Node::map_of({{"large", Node::scalar_of(large)}, {"small", Node::scalar_of(small)}})}});
  };
  const auto inner = samplers().create(weights("9", "1"), {rows, targets, sets, 4});
  const auto sampler = only_labelled(samplers().create(weights("9", "1"), {rows, targets, sets, 4}), rows, targets, 1);
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    const auto order = sampler->order(3, epoch);
    EXPECT_EQ(order.size(), inner->order(3, epoch).size());
    EXPECT_TRUE(std::all_of(order.begin(), order.end(), [](int64_t row) { return row >= 32; }));
  }
  EXPECT_THROW(only_labelled(samplers().create(weights("1", "0"), {rows, targets, sets, 4}), rows, targets, 1),
               InputError);
}

TEST(OnlyLabelled, ChangesNothingWhereEverythingIsLabelled) {
  const auto targets = partial(true);
  const auto plain = samplers().create(shuffle(), {kRows, targets});
  const auto sampler = only_labelled(samplers().create(shuffle(), {kRows, targets}), kRows, targets, 1);
  EXPECT_EQ(sampler->order(3, 2), plain->order(3, 2));
}

TEST(OnlyLabelled, RefusesRowsWithoutAnyLabel) {
  const auto targets = partial();
  const Rows rows = {3, 4, 6};
  EXPECT_THROW(only_labelled(samplers().create(shuffle(), {rows, targets}), rows, targets, 1), InputError);
}

}  // namespace
}  // namespace polytask
