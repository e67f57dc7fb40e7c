#include <polytask/core/error.h>
#include <polytask/nn/model.h>
#include <polytask/nn/name_list.h>

#include <torch/utils.h>

#include <algorithm>

namespace polytask {
namespace {

// Puts frozen layers with running statistics into evaluation mode. `frozen`: what holds for a module without
// parameters.
void hold_statistics(torch::nn::Module& module, bool frozen) {
  const auto parameters = module.parameters();
  if (!parameters.empty())
    frozen = std::none_of(parameters.begin(), parameters.end(), [](const auto& p) { return p.requires_grad(); });
  if (frozen && module.named_buffers(/*recurse=*/false).contains("running_mean")) module.eval();
  for (const auto& child : module.children()) hold_statistics(*child, frozen);
}

}  // namespace

std::vector<at::Tensor> Model::forward(const NamedTensors& inputs) {
  const std::vector<Features> features = represent(inputs);
  std::vector<at::Tensor> outputs;
  for (size_t t = 0; t < tasks().size(); ++t)
    outputs.push_back(decode(static_cast<int64_t>(t), features[features.size() == 1 ? 0 : t], inputs));
  return outputs;
}

void Model::train(bool on) {
  torch::nn::Module::train(on);
  if (on) hold_statistics(*this, false);
}

NamedTensors Model::state() const {
  NamedTensors result;
  for (const auto& item : named_parameters()) result[item.key()] = item.value();
  for (const auto& item : named_buffers()) result[item.key()] = item.value();
  return result;
}

void Model::load_state(const NamedTensors& state, const std::string& file) {
  NamedTensors own = this->state();
  std::vector<std::string> missing, unexpected, mismatched;
  for (const auto& [name, tensor] : own) {
    const auto it = state.find(name);
    if (it == state.end()) {
      missing.push_back(name);
    } else if (it->second.sizes() != tensor.sizes()) {
      mismatched.push_back(mismatch_text(name, it->second, tensor));
    }
  }
  for (const auto& [name, tensor] : state)
    if (own.count(name) == 0) unexpected.push_back(name);
  if (!missing.empty() || !unexpected.empty() || !mismatched.empty())
    throw InputError("{}: this is the state of another model: {}", file,
                     differences_text(missing, unexpected, mismatched));
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : own) tensor.copy_(state.at(name));
}

}  // namespace polytask
