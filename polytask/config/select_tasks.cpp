#include <polytask/config/select_tasks.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace polytask {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What the selection does to settings by task; `all` are the file's tasks, `places` the chosen ones among them.
struct Selection {
  std::vector<std::string> all, names, dropped;
  std::vector<size_t> places;
  std::vector<std::string> changes;

  bool reorders() const { return !std::is_sorted(places.begin(), places.end()); }
  void note(const Node& node, const std::string& what) { changes.push_back(fmt::format("{} {}", node.path, what)); }
};

Selection selection_of(const Node& tasks, const std::vector<std::string>& names) {
  Selection selection;
  selection.names = names;
  for (const auto& [name, section] : tasks.entries()) selection.all.push_back(name);
  for (const auto& name : names) {
    const auto found = std::find(selection.all.begin(), selection.all.end(), name);
    if (found == selection.all.end())
      throw InputError("tasks: there is no task \"{}\"{}", name, did_you_mean(name, selection.all));
    if (std::count(names.begin(), names.end(), name) > 1) throw InputError("tasks: \"{}\" is named twice", name);
    selection.places.push_back(static_cast<size_t>(found - selection.all.begin()));
  }
  for (const auto& name : selection.all)
    if (!contains(names, name)) selection.dropped.push_back(name);
  return selection;
}

Node like(const Node& original, Node changed) {
  changed.place = original.place;
  changed.path = original.path;
  return changed;
}

bool is_by_task(const Node& map, const Selection& selection) {
  return !map.entries().empty() && std::all_of(map.entries().begin(), map.entries().end(),
                                               [&](const auto& entry) { return contains(selection.all, entry.first); });
}

Node without_dropped(const Node& map, Selection& selection) {
  Node kept = like(map, Node::map_of());
  for (const auto& [key, value] : map.entries()) {
    if (contains(selection.dropped, key))
      selection.note(value, "is left out with its task");
    else
      kept.set(key, value);
  }
  return kept;
}

// A list as long as the tasks are many goes by task. Two numbers may be anything ([lowest, highest]), which matters
// only where both tasks stay and change places.
Node reordered(const Node& list, Selection& selection) {
  if (list.items().size() != selection.all.size()) return list;
  if (selection.all.size() == 2 && selection.reorders())
    throw InputError(
        "{}: may or may not go by the order of the tasks, which tasks=[{}] changes; keep the file's order, or write "
        "the "
        "order into the file",
        list.where(), fmt::join(selection.names, ", "));
  std::vector<Node> items;
  for (const size_t place : selection.places) items.push_back(list.items()[place]);
  if (!selection.dropped.empty()) selection.note(list, "keeps the entries of the chosen tasks");
  return like(list, Node::sequence_of(std::move(items)));
}

// Settings by task anywhere below `node`. Maps that lose all their entries go.
Node selected_below(const Node& node, Selection& selection, bool lists) {
  if (node.is_sequence()) return lists ? reordered(node, selection) : node;
  if (!node.is_map()) return node;
  Node result = node;
  for (const auto& [key, value] : node.entries()) {
    if (key == "scope") continue;  // names of modules
    if (value.is_map() && is_by_task(value, selection)) {
      const Node kept = without_dropped(value, selection);
      kept.entries().empty() ? result.erase(key) : static_cast<void>(result.set(key, kept));
    } else {
      result.set(key, selected_below(value, selection, lists));
    }
  }
  return result;
}

void select_balancing(Node& root, Selection& selection) {
  const Node* section = root.find("balancing");
  if (section == nullptr || !section->is_map()) return;
  if (selection.names.size() > 1) {
    root.set("balancing", selected_below(*section, selection, true));
  } else if (const auto method = section->text_or("method", "equal"); method != "equal") {
    selection.note(*section, fmt::format("is equal instead of {}: one task has nothing to balance", method));
    root.set("balancing", like(*section, Node::map_of({{"method", Node::scalar_of("equal")}})));
  }
}

bool names_any(const Node& node, const std::vector<std::string>& names) {
  if (node.is_scalar()) return contains(names, node.text());
  const auto names_one = [&](const Node& item) { return names_any(item, names); };
  if (node.is_sequence()) return std::any_of(node.items().begin(), node.items().end(), names_one);
  return std::any_of(node.entries().begin(), node.entries().end(),
                     [&](const auto& entry) { return names_one(entry.second); });
}

// A coupling goes with the first of its tasks.
void select_couplings(Node& root, Selection& selection) {
  const Node* section = root.find("couplings");
  if (section == nullptr || !section->is_map()) return;
  Node kept = like(*section, Node::map_of());
  for (const auto& [name, coupling] : section->entries()) {
    if (names_any(coupling, selection.dropped))
      selection.note(coupling, "is left out, as a task that it ties together is");
    else
      kept.set(name, coupling);
  }
  kept.entries().empty() ? root.erase("couplings") : static_cast<void>(root.set("couplings", kept));
}

void select_rates(Node& root, Selection& selection) {
  const Node* section = root.find("optimizer");
  const Node* rates = section != nullptr ? section->find("task_lr") : nullptr;
  if (rates == nullptr || !rates->is_map()) return;
  Node changed = *section;
  const Node kept = without_dropped(*rates, selection);
  kept.entries().empty() ? changed.erase("task_lr") : static_cast<void>(changed.set("task_lr", kept));
  root.set("optimizer", changed);
}

void select_monitor(Node& root, Selection& selection) {
  const Node* section = root.find("train");
  const Node* monitor = section != nullptr ? section->find("monitor") : nullptr;
  if (monitor == nullptr || !monitor->is_scalar()) return;
  const std::string figure = monitor->text().rfind("val/", 0) == 0 ? monitor->text().substr(4) : monitor->text();
  for (const auto& name : selection.dropped) {
    if (figure.rfind(name + "/", 0) != 0) continue;
    selection.note(*monitor, fmt::format("is val/loss instead of {}", monitor->text()));
    Node changed = *section;
    changed.set("monitor", Node::scalar_of("val/loss"));
    root.set("train", changed);
    return;
  }
}

std::string pattern_of(const Node& rule) { return rule.is_map() ? rule.text_or("pattern", "") : rule.text(); }

bool is_of_dropped_head(const Node& rule, const Selection& selection) {
  return std::any_of(selection.dropped.begin(), selection.dropped.end(),
                     [&](const auto& name) { return pattern_of(rule).rfind("heads." + name + ".", 0) == 0; });
}

void select_frozen(Node& model, Selection& selection) {
  const Node* rules = model.find("freeze");
  if (rules == nullptr || !rules->is_sequence()) return;
  Node kept = like(*rules, Node::sequence_of({}));
  for (const auto& rule : rules->items()) {
    if (is_of_dropped_head(rule, selection))
      selection.note(rule, "is left out with its task");
    else
      kept.append(rule);
  }
  model.set("freeze", kept);
}

void skip_weights_of_heads(Node& model, const Selection& selection) {
  const Node* weights = model.find("weights");
  if (weights == nullptr || weights->text_or("path", "").empty()) return;
  Node changed = *weights;
  const Node* known = weights->find("skip");
  Node skip = known != nullptr && known->is_sequence() ? *known : Node::sequence_of({});
  for (const auto& name : selection.dropped) skip.append(Node::scalar_of("heads." + name + ".*", true));
  changed.set("skip", skip);
  model.set("weights", changed);
}

std::vector<std::string> auxiliary_inputs(const Node& task) {
  const Node* head = task.find("head");
  const Node* auxiliary = head != nullptr ? head->find("auxiliary") : nullptr;
  std::vector<std::string> names;
  if (auxiliary == nullptr) return names;
  if (auxiliary->is_map()) names.push_back(auxiliary->text_or("input", ""));
  for (const auto& item : auxiliary->items()) names.push_back(item.text_or("input", ""));
  return names;
}

// Inputs that only heads of dropped tasks take must not look like the backbone's.
void note_other_inputs(Node& model, const Node& tasks, const Selection& selection) {
  std::vector<std::string> taken = {model.text_or("input", "")};
  for (const auto& name : selection.names)
    for (const auto& input : auxiliary_inputs(*tasks.find(name))) taken.push_back(input);
  const Node* known = model.find("other_inputs");
  Node others = known != nullptr && known->is_sequence() ? *known : Node::sequence_of({});
  for (const auto& name : selection.dropped)
    for (const auto& input : auxiliary_inputs(*tasks.find(name))) {
      if (input.empty() || contains(taken, input)) continue;
      others.append(Node::scalar_of(input, true));
      taken.push_back(input);
    }
  if (!others.items().empty()) model.set("other_inputs", others);
}

void select_model(Node& root, const Node& tasks, Selection& selection) {
  const Node* section = root.find("model");
  if (section == nullptr || !section->is_map()) return;
  Node model = selected_below(*section, selection, false);
  select_frozen(model, selection);
  skip_weights_of_heads(model, selection);
  note_other_inputs(model, tasks, selection);
  root.set("model", model);
}

// The columns of the tasks that are left out must not become inputs, and a sampler needs the task that it balances.
void select_data(Node& root, const Node& tasks, Selection& selection) {
  const Node* section = root.find("data");
  if (section == nullptr || !section->is_map()) return;
  Node data = *section;
  const Node* known = data.find("other_targets");
  Node columns = known != nullptr && known->is_sequence() ? *known : Node::sequence_of({});
  for (const auto& name : selection.dropped)
    for (const char* key : {"target", "targets"}) {
      const Node* target = tasks.find(name)->find(key);
      if (target == nullptr) continue;
      if (target->is_scalar()) columns.append(Node::scalar_of(target->text(), true));
      for (const auto& item : target->items()) columns.append(Node::scalar_of(item.text(), true));
    }
  if (!columns.items().empty()) data.set("other_targets", columns);
  const Node* sampler = data.find("sampler");
  if (sampler != nullptr && contains(selection.dropped, sampler->text_or("task", ""))) {
    selection.note(*sampler, "is left out with its task");
    data.erase("sampler");
  }
  root.set("data", data);
}

}  // namespace

std::vector<std::string> select_tasks(Node& root, const std::vector<std::string>& names) {
  const Node* tasks = root.find("tasks");
  if (tasks == nullptr || !tasks->is_map())
    throw InputError("tasks: a list of names chooses among the file's tasks, and the file has no map of tasks");
  if (names.empty()) throw InputError("tasks: no task is chosen; name at least one");
  const Node all = *tasks;
  Selection selection = selection_of(all, names);
  Node chosen = like(all, Node::map_of());
  for (const auto& name : names) chosen.set(name, *all.find(name));
  root.set("tasks", chosen);
  select_data(root, all, selection);
  select_balancing(root, selection);
  select_couplings(root, selection);
  select_rates(root, selection);
  select_monitor(root, selection);
  select_model(root, all, selection);
  if (const Node* compare = root.find("compare")) root.set("compare", selected_below(*compare, selection, false));
  set_paths(root, root.path);
  return selection.changes;
}

}  // namespace polytask
