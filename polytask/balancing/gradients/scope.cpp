#include <polytask/balancing/gradients/scope.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>

#include <algorithm>
#include <set>
#include <sstream>

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

// Several modules are separated by commas.
std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> result;
  std::istringstream stream(names);
  for (std::string name; std::getline(stream, name, ',');) result.push_back(name);
  return result;
}

// The names themselves, and the model's for last_shared_layer.
std::vector<std::string> named_modules(const std::vector<std::string>& names, const ModelFacts& model) {
  std::vector<std::string> modules;
  for (const std::string& name : names) {
    if (name != "last_shared_layer") {
      modules.push_back(name);
      continue;
    }
    if (model.last_shared_layer.empty())
      throw InputError("balancing.scope: this model names no last shared layer; give the name of a module instead");
    for (std::string& module : split_names(model.last_shared_layer)) modules.push_back(std::move(module));
  }
  return modules;
}

// The scope's names as names of modules; empty: all.
std::vector<std::string> modules_of(const std::vector<std::string>& names, const ModelFacts& model) {
  for (const std::string& name : names) {
    if (name != "shared" && name != "representation") continue;
    if (names.size() > 1)
      throw InputError("balancing.scope: \"{}\" stands for itself and can not be combined with other names", name);
    return {};
  }
  const std::vector<std::string> modules = named_modules(names, model);
  for (const std::string& module : modules) {
    bool known = false;
    for (const auto& parameter : model.parameters)
      known = known || (parameter.role == Role::shared && lies_in(parameter.name, module));
    if (!known)
      throw InputError("balancing.scope: no shared parameter lies in \"{}\"{}", module,
                       did_you_mean(module, shared_modules(model.parameters)));
  }
  if (modules.empty()) throw InputError("balancing.scope: the list is empty: name \"shared\" or modules");
  return modules;
}

std::string block_name(const std::string& parameter, BlockSize blocks) {
  if (blocks == BlockSize::whole) return "shared";
  return blocks == BlockSize::layer ? module_of(parameter) : parameter;
}

}  // namespace

void require_shared_parameters(const ModelFacts& model) {
  const auto shared = [](const ModelParameter& p) { return p.role == Role::shared; };
  if (model.parameters.empty() || std::any_of(model.parameters.begin(), model.parameters.end(), shared)) return;
  throw InputError(
      "balancing: the tasks of this model share no parameters, so their gradients never meet; choose a loss weighting "
      "(polytask list balancing), or another model.sharing");
}

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
