#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/core/suggest.h>
#include <polytask/nn/heads/auxiliary.h>
#include <polytask/nn/model.h>
#include <polytask/nn/weights.h>

#include <algorithm>

namespace polytask {
namespace {

// The keys of the section that the sharing architecture `name` reads.
std::vector<std::string> sharing_keys(const std::string& name) {
  std::vector<std::string> keys;
  for (const auto& info : sharings().infos()) {
    if (info.name != name) continue;
    for (const auto& option : info.options()) keys.push_back(option.name.substr(0, option.name.find('.')));
  }
  return keys;
}

void check_keys(const Node& section, std::vector<std::string> known) {
  known.emplace_back("sharing");
  for (const auto& key : start_keys()) known.push_back(key);
  for (const auto& [key, value] : section.entries())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw InputError("{}: unknown key{}", value.where(), did_you_mean(key, known));
}

Node resolve_backbone(const Node* backbone, const Node& section) {
  if (backbone == nullptr || backbone->is_null())
    throw InputError("{}: no model.backbone given: name one, for example backbone: {{type: lenet}}{}", section.where(),
                     did_you_mean("", backbones().names()));
  return backbones().resolve(*backbone);
}

Node freeze_node(const std::vector<FreezeRule>& rules) {
  Node list = Node::sequence_of({});
  for (const auto& rule : rules)
    list.append(Node::map_of({{"pattern", Node::scalar_of(rule.pattern, true)},
                              {"from", Node::scalar_of(std::to_string(rule.from))},
                              {"to", Node::scalar_of(std::to_string(rule.to))}}));
  return list;
}

Node child(const Node& section, const std::string& key) {
  const Node* found = section.find(key);
  return found != nullptr ? *found : Node();
}

StartOptions start_options(const Node& section) {
  Node node = Node::map_of();
  node.place = section.place;
  node.path = section.path;
  for (const auto& key : start_keys())
    if (const Node* found = section.find(key)) node.set(key, *found);
  return read_options<StartOptions>(node);
}

// The section without what is read here: the options of the sharing architecture alone.
Node sharing_node(const Node& section) {
  Node result = section;
  for (const auto& key : start_keys()) result.erase(key);
  if (result.find("sharing") == nullptr) result.set("sharing", Node::scalar_of("hard"));
  return result;
}

}  // namespace

Node resolve_model_section(const Node& section) {
  if (!section.is_map() && !section.is_null()) throw InputError("{}: expected a map of options", section.where());
  const Node sharing = sharing_node(section);
  const std::vector<std::string> keys = sharing_keys(sharing.text_or("sharing", ""));
  if (!keys.empty()) check_keys(section, keys);
  Node resolved = sharings().resolve(sharing);
  if (std::find(keys.begin(), keys.end(), "backbone") != keys.end())
    resolved.set("backbone", resolve_backbone(section.find("backbone"), section));
  const StartOptions start = start_options(section);
  const auto weights = read_options<WeightsOptions>(start.weights);
  if (!start.init_from.empty() && !weights.path.empty())
    throw InputError("{}: init_from and weights.path both say what to start from: give one of them", section.where());
  resolved.set("init_from", Node::scalar_of(start.init_from, true));
  resolved.set("weights", write_options(weights));
  resolved.set("freeze", freeze_node(parse_freeze_rules(start.freeze)));
  resolved.set("other_inputs", child(write_options(start), "other_inputs"));
  return resolved;
}

Node resolve_head(const Node& head) {
  if (!head.is_map() && !head.is_null())
    throw InputError("{}: expected a map of options, for example {{type: linear}}", head.where());
  Node named = head;
  if (named.find("type") == nullptr) named.set("type", Node::scalar_of("linear"));
  const auto auxiliary = auxiliary_of(named);
  named.erase("auxiliary");
  Node resolved = heads().resolve(named);
  if (auxiliary.empty()) return resolved;
  Node list = Node::sequence_of({});
  for (const auto& options : auxiliary) list.append(write_options(options));
  resolved.set("auxiliary", list);
  return resolved;
}

std::shared_ptr<Model> create_model(const Node& section, const ModelContext& context) {
  const Node resolved = resolve_model_section(section);
  if (context.tasks.empty()) throw InputError("{}: a model needs at least one task", section.where());
  ModelContext of_tasks = context;
  for (const auto& input : start_options(resolved).other_inputs) of_tasks.input_shapes.erase(input);
  std::shared_ptr<Model> model = sharings().create(sharing_node(resolved), of_tasks);
  const auto weights = read_options<WeightsOptions>(child(resolved, "weights"));
  if (!weights.path.empty()) log_info("{}: {}", weights.path, load_weights(*model, weights).text());
  apply_freeze_rules(*model, parse_freeze_rules(child(resolved, "freeze")), 0);
  return model;
}

}  // namespace polytask
