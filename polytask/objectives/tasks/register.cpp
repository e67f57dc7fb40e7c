#include <polytask/objectives/tasks/register.h>

#include <utility>

namespace polytask {
namespace {

// An empty list, as a resolved configuration writes for "none", gives nothing.
bool gives(const Node& section, const std::string& key) {
  const Node* value = section.find(key);
  return value != nullptr && !value->is_null() && !(value->is_sequence() && value->items().empty());
}

void refuse_both(const Node& section, const std::string& one, const std::string& many) {
  if (gives(section, one) && gives(section, many))
    throw InputError("{}: \"{}\" and \"{}\" are both given; one of them is enough", section.where(), one, many);
}

Node without_head(const Node& section) {
  refuse_both(section, "target", "targets");
  refuse_both(section, "unit", "units");
  Node result = section;
  result.erase("head");
  return result;
}

}  // namespace

TaskTypeRegistry& task_types() {
  static TaskTypeRegistry registry = [] {
    TaskTypeRegistry types("task type");
    register_classification(types);
    register_binary(types);
    register_multilabel(types);
    register_regression(types);
    register_segmentation(types);
    register_dense_regression(types);
    return types;
  }();
  return registry;
}

Node resolve_task_section(const Node& section) {
  Node resolved = task_types().resolve(without_head(section));
  if (const Node* head = section.find("head"); head != nullptr) resolved.set("head", *head);
  return resolved;
}

std::unique_ptr<TaskType> create_task(const std::string& name, const Node& section) {
  return task_types().create(without_head(section), name);
}

}  // namespace polytask
