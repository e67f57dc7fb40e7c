#pragma once
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/nn/model.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace polytask {

inline Node yaml(const std::string& text) { return parse_yaml(text, "test.yaml"); }

/// The message of the InputError that `work` throws; fails where it throws none.
inline std::string input_error(const std::function<void()>& work) {
  try {
    work();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no InputError";
  return "";
}

/// A model context of one input and tasks with `outputs` each.
inline ModelContext context_of(const InputShape& shape, const std::vector<TaskHead>& tasks, uint64_t seed = 1) {
  ModelContext context;
  context.input_shapes["x"] = shape;
  context.tasks = tasks;
  context.seed = seed;
  return context;
}

/// Compares the gradients of `loss` (float64, deterministic) by every parameter and by `input` with central differences
/// at a few entries each.
inline void expect_exact_gradients(torch::nn::Module& module, at::Tensor input,
                                   const std::function<at::Tensor()>& loss) {
  std::vector<std::pair<std::string, at::Tensor>> leaves = {{"input", input.requires_grad_(true)}};
  for (const auto& item : module.named_parameters()) leaves.emplace_back(item.key(), item.value());
  for (auto& [name, leaf] : leaves) leaf.mutable_grad().reset();
  loss().backward();
  const torch::NoGradGuard no_grad;
  Random random(5, "gradient check");
  for (auto& [name, leaf] : leaves) {
    ASSERT_TRUE(leaf.grad().defined()) << name;
    for (int i = 0; i < 4; ++i) {
      const int64_t at = random.below(leaf.numel());
      at::Tensor entry = leaf.view(-1)[at];
      const double value = entry.item<double>(), step = 1e-6;
      entry.fill_(value + step);
      const double above = loss().item<double>();
      entry.fill_(value - step);
      const double below = loss().item<double>();
      entry.fill_(value);
      const double numeric = (above - below) / (2 * step), exact = leaf.grad().view(-1)[at].item<double>();
      EXPECT_NEAR(exact, numeric, 1e-6 * (1 + std::abs(numeric))) << name << " entry " << at;
    }
  }
}

}  // namespace polytask
