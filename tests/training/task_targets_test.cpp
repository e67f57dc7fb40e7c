#include <polytask/training/step.h>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

Batch batch_with(const std::vector<int64_t>& valid, bool counted) {
  Batch batch;
  batch.targets["t"] = at::arange(3, at::kLong);
  batch.valid["t"] = at::tensor(valid, at::kLong).to(at::kBool);
  if (counted) batch.labelled["t"] = batch.valid["t"].sum().item<int64_t>();
  return batch;
}

TEST(TaskTargets, AnAbsentTaskHasNone) {
  EXPECT_FALSE(task_targets(batch_with({1, 1, 1}, true), "other").first.defined());
  for (const bool counted : {false, true})
    EXPECT_FALSE(task_targets(batch_with({0, 0, 0}, counted), "t").first.defined()) << counted;
}

TEST(TaskTargets, APartlyLabelledTaskHasItsMask) {
  for (const bool counted : {false, true}) {
    const auto [target, valid] = task_targets(batch_with({0, 1, 0}, counted), "t");
    ASSERT_TRUE(valid.defined()) << counted;
    EXPECT_EQ(target.numel(), 3);
    EXPECT_EQ(valid.sum().item<int64_t>(), 1);
  }
}

TEST(TaskTargets, AMaskThatLeavesNothingOutIsNone) {
  const auto [target, valid] = task_targets(batch_with({1, 1, 1}, true), "t");
  EXPECT_TRUE(target.defined());
  EXPECT_FALSE(valid.defined());
  Batch unmasked = batch_with({1, 1, 1}, false);
  unmasked.valid.clear();
  EXPECT_FALSE(task_targets(unmasked, "t").second.defined());
}

}  // namespace
}  // namespace polytask
