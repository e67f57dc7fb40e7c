#include <polytask/balancing/gradients/scope.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>

#include <set>

namespace polytask {
namespace {

std::string module_of(const std::string& parameter) {
  const size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? parameter : parameter.substr(0, dot);
}

bool lies_in(const std::string& parameter, const std::string& module) {
  return parameter == module || parameter.rfind(module + ".", 0) == 0;
}

std::vector<std::string> shared_modules(const std::vector<ModelParameter>& parameters) {
  std::vector<std::string> names = {"shared", "last_shared_layer", "representation"};
  std::set<std::string> seen;
  for (const auto& parameter : parameters)
    if (parameter.role == Role::shared && seen.insert(module_of(parameter.name)).second)
      names.push_back(module_of(parameter.name));
  return names;
}

// The scope's names as names of modules; empty: all.
std::vector<std::string> modules_of(const std::vector<std::string>& names, const ModelFacts& model) {
  std::vector<std::string> modules;
  for (const std::string& name : names) {
    if (name == "shared" || name == "representation") {
      if (names.size() > 1)
        throw InputError("balancing.scope: \"{}\" stands for itself and can not be combined with other names", name);
      return {};
    }
    const bool last = name == "last_shared_layer";
    if (last && model.last_shared_layer.empty())
      throw InputError("balancing.scope: this model names no last shared layer; give the name of a module instead");
    const std::string module = last ? model.last_shared_layer : name;
    bool known = false;
    for (const auto& parameter : model.parameters)
      known = known || (parameter.role == Role::shared && lies_in(parameter.name, module));
    if (!known)
      throw InputError("balancing.scope: no shared parameter lies in \"{}\"{}", module,
                       did_you_mean(module, shared_modules(model.parameters)));
    modules.push_back(module);
  }
  if (modules.empty()) throw InputError("balancing.scope: the list is empty: name \"shared\" or modules");
  return modules;
}

std::string block_name(const std::string& parameter, BlockSize blocks) {
  if (blocks == BlockSize::whole) return "shared";
  return blocks == BlockSize::layer ? module_of(parameter) : parameter;
}

}  // namespace

GradientScope resolve_scope(const std::vector<std::string>& names, const ModelFacts& model, BlockSize blocks) {
  GradientScope scope;
  const auto modules = modules_of(names, model);
  scope.representation = names.size() == 1 && names[0] == "representation";
  for (const auto& parameter : model.parameters) {
    if (parameter.role != Role::shared || !parameter.tensor.requires_grad()) continue;
    scope.shared.push_back(parameter.tensor);
    bool measured = modules.empty() && !scope.representation;
    for (const auto& module : modules) measured = measured || lies_in(parameter.name, module);
    if (!measured) continue;
    const std::string block = block_name(parameter.name, blocks);
    if (scope.blocks.empty() || scope.blocks.back() != block) scope.blocks.push_back(block);
    scope.columns.push_back(
        {parameter.name, parameter.tensor, scope.size(), static_cast<int64_t>(scope.blocks.size()) - 1});
  }
  scope.everything = !scope.representation && scope.columns.size() == scope.shared.size();
  return scope;
}

}  // namespace polytask
