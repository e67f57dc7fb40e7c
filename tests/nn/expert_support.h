#pragma once
#include "sharing_support.h"

#include <fmt/format.h>

#include <memory>
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
