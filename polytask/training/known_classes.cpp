#include <polytask/core/error.h>
#include <polytask/data/labels.h>
#include <polytask/training/known_classes.h>

#include <fmt/ranges.h>

#include <algorithm>

namespace polytask {
namespace {

bool all_numbers(const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(), [](const auto& name) { return number_in(name).has_value(); });
}

void check_layer(const LayerSpec& layer, const TargetRequest& request) {
  if (layer.class_names.empty() && !all_numbers(request.class_names))
    throw InputError(
        "task \"{}\": layer \"{}\" holds numbers without names, where the run knows the classes {}; name the layer's "
        "classes as in the run",
        request.task, layer.name, fmt::join(request.class_names, ", "));
  std::vector<std::string> unknown;
  for (const auto& name : layer.class_names)
    if (std::find(request.class_names.begin(), request.class_names.end(), name) == request.class_names.end())
      unknown.push_back(name);
  if (!unknown.empty())
    throw InputError(
        "task \"{0}\": layer \"{1}\" has classes that the run does not know: {2}; it knows {3} (tasks.{0}.class_names: "
        "[{3}] takes the others for no label)",
        request.task, layer.name, fmt::join(unknown, ", "), fmt::join(request.class_names, ", "));
}

}  // namespace

TargetRequest with_known_classes(TargetRequest request, const std::vector<std::string>& names) {
  const bool indices = !request.dense && request.classes > 0 && request.class_names.empty() && all_numbers(names);
  if (request.kind == TargetKind::classes && !indices && !names.empty()) request.class_names = names;
  return request;
}

void check_known_classes(const Source& source, const TargetRequest& request) {
  const std::string& target = request.expressions.front();
  if (request.dense) {
    for (const auto& layer : source.layers())
      if (layer.name == target) check_layer(layer, request);
  } else if (!all_numbers(request.class_names) && source.column(column_of(target)).numeric) {
    throw InputError("task \"{}\": \"{}\" holds numbers, where the run knows the classes {}", request.task, target,
                     fmt::join(request.class_names, ", "));
  }
}

}  // namespace polytask
