#pragma once
#include "support.h"

#include <fmt/format.h>

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <string>
#include <vector>

namespace polytask {

/// A model of tasks "a", "b", … with 2 outputs each on the input "x".
inline std::shared_ptr<Model> model_of(const std::string& section, size_t tasks, const InputShape& shape = {4},
                                       uint64_t seed = 1) {
  std::vector<TaskHead> heads;
  for (size_t t = 0; t < tasks; ++t) heads.push_back({std::string(1, static_cast<char>('a' + t)), 2, {}});
  return create_model(yaml(section), context_of(shape, heads, seed));
}

/// "name role task", in the model's order.
inline std::vector<std::string> roles_of(Model& model) {
  std::vector<std::string> lines;
  for (const auto& p : model.model_parameters())
    lines.push_back(fmt::format("{} {} {}", p.name, p.role == Role::shared ? "shared" : "task", p.task));
  return lines;
}

/// Every parameter of the module once, under the name of the state.
inline void expect_complete_roles(Model& model) {
  const NamedTensors state = model.state();
  std::vector<std::string> names;
  for (const auto& p : model.model_parameters()) {
    ASSERT_EQ(state.count(p.name), 1U) << p.name;
    EXPECT_TRUE(state.at(p.name).is_same(p.tensor)) << p.name;
    names.push_back(p.name);
  }
  EXPECT_EQ(names.size(), model.parameters().size());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

/// In evaluation, what is traced with 3 samples gives the model's outputs for 5.
inline void expect_traceable(Model& model, const InputShape& shape) {
  const auto input = [&](int64_t n) {
    std::vector<int64_t> size = {n};
    size.insert(size.end(), shape.begin(), shape.end());
    return at::randn(size);
  };
  model.eval();
  const torch::NoGradGuard no_grad;
  for (auto& p : model.parameters()) p.requires_grad_(false);
  const auto run = [&](torch::jit::Stack inputs) -> torch::jit::Stack {
    const auto outputs = model.forward({{"x", inputs.at(0).toTensor()}});
    return {outputs.begin(), outputs.end()};
  };
  const auto traced = torch::jit::tracer::trace({input(3)}, run, [](const at::Tensor&) { return std::string(); });
  torch::jit::GraphExecutor executor(traced.first->graph, "forward");
  const at::Tensor x = input(5);
  torch::jit::Stack stack = {x};
  executor.run(stack);
  const auto expected = model.forward({{"x", x}});
  ASSERT_EQ(stack.size(), expected.size());
  for (size_t t = 0; t < expected.size(); ++t)
    EXPECT_TRUE(at::allclose(stack.at(t).toTensor(), expected[t], 1e-5, 1e-6)) << t;
}

/// Σ over tasks of the outputs times fixed factors, plus the penalty where there is one.
inline at::Tensor factored_loss(Model& model, const at::Tensor& x) {
  const NamedTensors inputs = {{"x", x}};
  const auto outputs = model.forward(inputs);
  at::Tensor loss = at::zeros({}, x.options());
  for (size_t t = 0; t < outputs.size(); ++t)
    loss = loss + (outputs[t] * at::arange(1, outputs[t].numel() + 1, x.options()).view_as(outputs[t]).sin()).sum();
  const at::Tensor penalty = model.penalty();
  return penalty.defined() ? loss + penalty : loss;
}

}  // namespace polytask
