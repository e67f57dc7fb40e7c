#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/nn/heads/auxiliary.h>
#include <polytask/nn/sharing/trunk_input.h>

#include <fmt/ranges.h>

#include <set>
#include <vector>

namespace polytask {
namespace {

// Inputs that no head takes for itself.
std::vector<std::string> free_inputs(const ModelContext& context) {
  std::set<std::string> taken;
  for (const auto& task : context.tasks)
    for (const auto& auxiliary : auxiliary_of(task.head)) taken.insert(auxiliary.input);
  std::vector<std::string> names;
  for (const auto& [name, shape] : context.input_shapes)
    if (taken.count(name) == 0) names.push_back(name);
  return names;
}

}  // namespace

TrunkInput::TrunkInput(const std::string& name, const ModelContext& context) : name_(name) {
  std::vector<std::string> names;
  for (const auto& [known, shape] : context.input_shapes) names.push_back(known);
  if (names.empty()) throw InputError("model: the data offers no input");
  if (name_.empty()) {
    const auto candidates = free_inputs(context);
    if (candidates.empty())
      throw InputError(
          "model.input: every input ({}) is taken by heads as an auxiliary one: name the one that the "
          "backbone reads",
          fmt::join(names, ", "));
    if (candidates.size() > 1)
      throw InputError("model.input: the data has {} inputs ({}): name the one that the backbone reads", names.size(),
                       fmt::join(names, ", "));
    name_ = candidates[0];
  }
  const auto found = context.input_shapes.find(name_);
  if (found == context.input_shapes.end())
    throw InputError("model.input: there is no input \"{}\"{}", name_, did_you_mean(name_, names));
  shape_ = found->second;
}

const at::Tensor& TrunkInput::of(const NamedTensors& inputs) const {
  if (name_.empty() && inputs.size() == 1) return inputs.begin()->second;
  const auto found = inputs.find(name_);
  if (found != inputs.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : inputs) names.push_back(name);
  const std::string wanted = name_.empty() ? "exactly one input" : fmt::format("input \"{}\"", name_);
  throw InputError("the model reads {}, but the batch has {}", wanted,
                   names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace polytask
