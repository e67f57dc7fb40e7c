#include "support/experiments.h"
#include "support/temporary_directory.h"

#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/training/train.h>

#include <gtest/gtest.h>
#include <training/interrupting.h>

#include <ATen/ATen.h>

#include <memory>

namespace polytask {
namespace {

// Two data sets, an input that one of them lacks and one head takes, mixed by a sampler, with half of the labels.
class DataSetsTest : public testing::Test {
 protected:
  void SetUp() override {
    register_signalling();
    catch_interrupts();
    clear_interrupt();
  }
  static Node experiment(const std::vector<std::string>& overrides) {
    return configuration(R"(
name: sets
seed: 3
device: cpu
threads: 1
data:
  source: multi
  sources: {drive: {source: driving, prediction: 90, decision: 20, size: 16}, more: {source: driving, prediction: 30, decision: 10, size: 16, seed: 9}}
  batch_size: 16
  split: {validation: 0.2}
  sampler: {type: temperature, epoch: shortest}
  keep_labels: 0.5
model: {backbone: {type: lenet, channels: [4], kernel: 3, features: 8, dropout: 0.2}}
tasks:
  place: {type: regression, targets: [ahead, side]}
  way: {type: classification, target: decision, head: {type: linear, auxiliary: {input: route, hidden: [4]}}}
balancing: {method: signalling}
train: {epochs: 3}
tracking: {tensorboard: false}
)",
                         overrides);
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  TemporaryDirectory directory_;
};

TEST_F(DataSetsTest, AResumedRunIsAnUninterruptedOne) {
  const auto whole = train(experiment({}), {path("whole"), {}});
  const int64_t steps = whole.progress.step / 3;
  ASSERT_GT(steps, 2);
  EXPECT_THROW(train(experiment({"balancing.step=" + std::to_string(steps + 1)}), {path("cut"), {}}), Interrupted);
  clear_interrupt();
  const auto resumed = resume(path("cut"));
  EXPECT_EQ(resumed.progress.step, whole.progress.step);
  EXPECT_EQ(resumed.progress.epoch_losses, whole.progress.epoch_losses);
  const auto a = load_checkpoint(directory_.path() / "whole/checkpoints/last.safetensors");
  const auto b = load_checkpoint(directory_.path() / "cut/checkpoints/last.safetensors");
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) EXPECT_TRUE(tensor.equal(b.tensors.at(name))) << name;
}

}  // namespace
}  // namespace polytask
