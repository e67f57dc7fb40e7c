#pragma once
#include "support.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace polytask {

/// Tasks with 1, 2, … outputs.
inline std::vector<TaskHead> heads_for(const std::vector<std::string>& names) {
  std::vector<TaskHead> tasks;
  for (const auto& name : names) tasks.push_back({name, static_cast<int64_t>(tasks.size()) + 1, {}});
  return tasks;
}

inline std::shared_ptr<Model> sharing_model(const std::string& section, const InputShape& shape,
                                            const std::vector<std::string>& tasks = {"a", "b", "c"},
                                            uint64_t seed = 1) {
  return create_model(yaml(section), context_of(shape, heads_for(tasks), seed));
}

inline at::Tensor batch_of(const InputShape& shape, int64_t samples) {
  std::vector<int64_t> sizes = shape;
  sizes.insert(sizes.begin(), samples);
  return at::randn(sizes);
}

/// Every task has an output of its width and finite values, in training and evaluation, and a representation of its own
/// with the levels that `levels` counts.
inline void expect_outputs(Model& model, const InputShape& shape, size_t levels) {
  for (const bool training : {true, false}) {
    model.train(training);
    const at::Tensor x = batch_of(shape, 3);
    const auto outputs = model.forward({{"x", x}});
    ASSERT_EQ(outputs.size(), model.tasks().size());
    for (size_t t = 0; t < outputs.size(); ++t) {
      EXPECT_EQ(outputs[t].sizes(), (std::vector<int64_t>{3, static_cast<int64_t>(t) + 1}));
      EXPECT_TRUE(at::isfinite(outputs[t]).all().item<bool>());
    }
    const auto features = model.represent({{"x", x}});
    ASSERT_EQ(features.size(), model.tasks().size());
    for (const auto& own : features) EXPECT_EQ(own.size(), levels);
  }
}

/// Every parameter is listed once, under its name in the state.
inline void expect_all_parameters_listed(Model& model) {
  const NamedTensors state = model.state();
  std::set<std::string> names;
  for (const auto& p : model.model_parameters()) {
    EXPECT_TRUE(names.insert(p.name).second) << p.name;
    ASSERT_EQ(state.count(p.name), 1U) << p.name;
    EXPECT_TRUE(state.at(p.name).is_same(p.tensor)) << p.name;
    EXPECT_EQ(p.role == Role::shared, p.task == -1) << p.name;
  }
  EXPECT_EQ(names.size(), model.parameters().size());
}

/// A parameter of one task gets a gradient from that task's output alone, and every parameter from some output.
inline void expect_roles_hold(Model& model, const at::Tensor& x) {
  std::map<std::string, std::set<int64_t>> reached;
  for (size_t t = 0; t < model.tasks().size(); ++t) {
    for (auto& p : model.parameters()) p.mutable_grad().reset();
    model.forward({{"x", x}})[t].square().sum().backward();
    for (const auto& p : model.model_parameters())
      if (p.tensor.grad().defined() && p.tensor.grad().abs().sum().item<double>() > 0)
        reached[p.name].insert(static_cast<int64_t>(t));
  }
  for (const auto& p : model.model_parameters()) {
    EXPECT_FALSE(reached[p.name].empty()) << p.name;
    if (p.role == Role::task) EXPECT_EQ(reached[p.name], (std::set<int64_t>{p.task})) << p.name;
  }
}

/// The traced model gives what the model gives, for another batch size too.
inline void expect_traceable(Model& model, const InputShape& shape) {
  model.eval();
  for (auto& p : model.parameters()) p.requires_grad_(false);
  const auto run = [&](torch::jit::Stack inputs) -> torch::jit::Stack {
    torch::jit::Stack outputs;
    for (const auto& output : model.forward({{"x", inputs.at(0).toTensor()}})) outputs.emplace_back(output);
    return outputs;
  };
  const auto traced =
      torch::jit::tracer::trace({batch_of(shape, 3)}, run, [](const at::Tensor&) { return std::string(); });
  torch::jit::GraphExecutor executor(traced.first->graph, "forward");
  const at::Tensor x = batch_of(shape, 5);
  torch::jit::Stack stack = {x};
  executor.run(stack);
  const auto expected = model.forward({{"x", x}});
  ASSERT_EQ(stack.size(), expected.size());
  for (size_t t = 0; t < expected.size(); ++t)
    EXPECT_TRUE(at::allclose(stack.at(t).toTensor(), expected[t], 1e-5, 1e-6)) << t;
}

/// Float64 gradients of a fixed combination of all outputs, by every parameter and the input.
inline void expect_exact_model_gradients(Model& model, const InputShape& shape) {
  model.to(at::kDouble);
  const at::Tensor x = batch_of(shape, 4).to(at::kDouble);
  std::vector<at::Tensor> factors;
  for (const auto& output : model.forward({{"x", x}})) factors.push_back(at::randn_like(output));
  expect_exact_gradients(model, x, [&] {
    const auto outputs = model.forward({{"x", x}});
    at::Tensor loss = at::zeros({}, at::kDouble);
    for (size_t t = 0; t < outputs.size(); ++t) loss = loss + (outputs[t] * factors[t]).sum();
    return loss;
  });
}

/// Values of a model of another seed become the same with the state, and so do its outputs in evaluation.
inline void expect_state_round_trip(Model& model, Model& other, const InputShape& shape) {
  const at::Tensor x = batch_of(shape, 3);
  model.train();
  model.forward({{"x", x}});
  other.load_state(model.state(), "file");
  model.eval();
  other.eval();
  const auto one = model.forward({{"x", x}}), two = other.forward({{"x", x}});
  for (size_t t = 0; t < one.size(); ++t) EXPECT_TRUE(at::equal(one[t], two[t])) << t;
}

const char* const kTinyMlp = "backbone: {type: mlp, hidden: [6, 5, 4], activation: tanh}";
const char* const kTinyLenet = "backbone: {type: lenet, channels: [3, 4], kernel: 3, features: 6}";
const char* const kTinyResnet = "backbone: {type: resnet18, widths: [2, 3, 4, 5], stem: small}";

}  // namespace polytask
