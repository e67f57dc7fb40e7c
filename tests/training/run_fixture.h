#pragma once
#include <polytask/core/interrupt.h>
#include <polytask/io/json.h>
#include <polytask/training/predictor.h>
#include <polytask/training/train.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/experiments.h>
#include <support/temporary_directory.h>
#include <training/interrupting.h>
#include <training/two_inputs.h>

#include <string>
#include <vector>

namespace polytask {

/// Runs below a temporary directory.
class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    register_two_inputs();
    register_interrupting();
    catch_interrupts();
    clear_interrupt();
  }
  void TearDown() override { interrupt_at = -1; }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  TrainResult train_run(const std::string& run, const char* experiment, const std::vector<std::string>& overrides) {
    return train(configuration(experiment, overrides), {path(run), {"test"}});
  }
  Checkpoint last(const std::string& run) const { return load_checkpoint(path(run) + "/checkpoints/last.safetensors"); }
  // Interrupts the run at its forward pass `at` and takes it up again.
  void train_with_a_break(const std::string& run, const char* experiment, const std::vector<std::string>& overrides,
                          int64_t at) {
    interrupt_at = at;
    EXPECT_THROW(train_run(run, experiment, overrides), Interrupted);
    interrupt_at = -1;
    clear_interrupt();
    resume(path(run));
  }
  std::vector<Node> steps_of(const std::string& run) const {
    std::vector<Node> steps;
    for (const auto& line : read_json_lines(path(run) + "/metrics.jsonl"))
      if (line.text_or("kind", "") == "step") steps.push_back(line);
    return steps;
  }

  TemporaryDirectory directory_;
};

/// The InputError's text; fails where there is none.
template <class Call>
std::string refusal_of(Call call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no InputError";
  return "";
}

inline void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    ASSERT_EQ(b.count(name), 1U) << name;
    EXPECT_TRUE(tensor.equal(b.at(name))) << name;
  }
}

inline void expect_same_state(const Checkpoint& a, const Checkpoint& b) {
  expect_equal(a.tensors, b.tensors);
  EXPECT_EQ(write_json(a.info), write_json(b.info));
}

}  // namespace polytask
