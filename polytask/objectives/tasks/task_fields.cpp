#include <polytask/objectives/tasks/task_fields.h>

#include <set>

namespace polytask {
namespace {

Node without_empty_options(const Node& member) { return member.entries().size() == 1 ? *member.find("type") : member; }

}  // namespace

Node as_member(const Node& given) {
  if (given.is_map() && given.find("type") == nullptr && given.entries().size() == 1) {
    const auto& [name, options] = given.entries().front();
    Node type = Node::scalar_of(name, true);
    type.place = options.place;
    type.path = options.path;
    Node member = Node::map_of({{"type", type}});
    if (!options.is_map() && !options.is_null()) throw InputError("{}: expected a map of options", options.where());
    for (const auto& [key, value] : options.entries()) member.set(key, value);
    member.place = given.place;
    member.path = given.path;
    return member;
  }
  if (!given.is_scalar()) return given;
  Node member = Node::map_of({{"type", given}});
  member.place = given.place;
  member.path = given.path;
  return member;
}

void metrics_field(Fields& f, Node& metrics, const MetricRegistry& known) {
  f.field("metrics", metrics, "list of metrics: names, or maps {type: name, options}");
  Node resolved = Node::sequence_of({});
  const Node given = metrics.is_sequence() ? metrics : Node::sequence_of({metrics});
  for (const auto& item : given.items()) resolved.append(without_empty_options(known.resolve(as_member(item))));
  resolved.place = metrics.place;
  resolved.path = metrics.path;
  metrics = resolved;
}

void target_field(Fields& f, std::vector<std::string>& target) {
  const std::string doc = "the column, or a column with one operation (label mod 2, income == >50K)";
  if (target.size() == 1) {
    f.field("target", target.front(), doc, required());
  } else {
    f.field("target", target, doc, required());
  }
}

void layer_field(Fields& f, std::string& target) {
  f.field("target", target, "the layer of labels per pixel, as the source names it", required());
}

void one_or_many_field(Fields& f, const std::string& one, const std::string& many, std::vector<std::string>& values,
                       const std::string& doc) {
  // Only options that are being written out have values already.
  if (values.size() == 1) {
    f.field(one, values.front(), doc);
  } else if (!values.empty()) {
    f.field(many, values, doc);
  } else {
    f.field(one, values, doc);
    std::vector<std::string> list;
    f.field(many, list, doc + "; several");
    values.insert(values.end(), list.begin(), list.end());
  }
}

void loss_scale_field(Fields& f, double& loss_scale) {
  f.field("loss_scale", loss_scale, "divisor of the loss in uncertainty weighting and its kin (not in what is logged)",
          above(0));
}

std::vector<std::unique_ptr<Metric>> create_metrics(const Node& metrics, const MetricRegistry& known, int64_t classes) {
  std::vector<std::unique_ptr<Metric>> result;
  std::set<std::string> names;
  for (const auto& item : metrics.items()) {
    result.push_back(known.create(as_member(item), classes));
    if (!names.insert(result.back()->name()).second)
      throw InputError("{}: the metric \"{}\" is listed twice", item.where(), result.back()->name());
  }
  return result;
}

const std::vector<std::string>& checked_targets(const std::string& task, const std::vector<std::string>& targets) {
  if (targets.empty()) throw InputError("task \"{}\": no target given: \"target\" names the column", task);
  std::set<std::string> seen;
  for (const auto& target : targets) {
    if (target.empty()) throw InputError("task \"{}\": a target is empty; it must name a column", task);
    if (!seen.insert(target).second) throw InputError("task \"{}\": target \"{}\" is listed twice", task, target);
  }
  return targets;
}

const std::string& only_target(const std::string& task, const std::vector<std::string>& targets,
                               const std::string& instead) {
  if (checked_targets(task, targets).size() > 1)
    throw InputError("task \"{}\": one target expected, got {}; {}", task, targets.size(), instead);
  return targets.front();
}

}  // namespace polytask
