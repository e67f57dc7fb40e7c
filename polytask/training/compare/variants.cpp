#include <polytask/balancing/balancer.h>
#include <polytask/core/error.h>
#include <polytask/nn/model.h>
#include <polytask/nn/weights.h>
#include <polytask/training/compare/variants.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace polytask {
namespace {

std::string plain_text(const Node& node) {
  if (node.is_scalar()) return node.text();
  std::vector<std::string> parts;
  for (const auto& item : node.items()) parts.push_back(plain_text(item));
  for (const auto& [key, value] : node.entries()) parts.push_back(key + "=" + plain_text(value));
  return (node.is_sequence() ? "[" : "{") + fmt::format("{}", fmt::join(parts, " ")) + (node.is_sequence() ? "]" : "}");
}

std::string label_of(const Node& entry, const std::string& key) {
  std::vector<std::string> options;
  for (const auto& [name, value] : entry.entries())
    if (name != key) options.push_back(name + "=" + plain_text(value));
  const std::string name = entry.text_or(key, "");
  return options.empty() ? name : fmt::format("{}({})", name, fmt::join(options, " "));
}

Node named(const std::string& key, const std::string& name, const Node& like) {
  Node entry = Node::map_of({{key, Node::scalar_of(name)}});
  entry.place = like.place;
  entry.path = like.path;
  return entry;
}

// The entries as maps; a bare name is {key: name}.
std::vector<Node> entries_of(const Node& listed, const std::string& key) {
  if (listed.is_null()) return {};
  if (!listed.is_sequence())
    throw InputError("{}: expected a list of names or maps {{{}: name, …}}", listed.where(), key);
  std::vector<Node> entries;
  for (const auto& item : listed.items()) {
    if (!item.is_scalar() && (!item.is_map() || item.find(key) == nullptr))
      throw InputError("{}: expected a name, or a map with \"{}\"", item.where(), key);
    entries.push_back(item.is_scalar() ? named(key, item.text(), item) : item);
  }
  return entries;
}

// What the command line names, with the options that the section gives to that name, as often as it does.
std::vector<Node> chosen_entries(const std::vector<Node>& listed, const std::vector<std::string>& names,
                                 const std::string& key) {
  if (names.empty()) return listed;
  const Node command_line = [] {
    Node node;
    node.place = {"command line", 0};
    return node;
  }();
  std::vector<Node> entries;
  for (const auto& name : names) {
    const size_t before = entries.size();
    std::copy_if(listed.begin(), listed.end(), std::back_inserter(entries),
                 [&](const Node& entry) { return entry.text_or(key, "") == name; });
    if (entries.size() == before) entries.push_back(named(key, name, command_line));
  }
  return entries;
}

void add(std::vector<Variant>& variants, Variant variant) {
  for (const auto& known : variants)
    if (known.label == variant.label) throw InputError("compare: \"{}\" is named twice", variant.label);
  variants.push_back(std::move(variant));
}

Node method_section(const Node& entry, const Node& file) {
  const bool plain = entry.entries().size() == 1;
  const bool same = file.text_or("method", "equal") == entry.text_or("method", "");
  return plain && same && file.is_map() ? file : entry;
}

}  // namespace

std::vector<Variant> method_variants(const Node& listed, const std::vector<std::string>& names, const Node& file) {
  auto entries = chosen_entries(entries_of(listed, "method"), names, "method");
  if (entries.empty()) entries.push_back(named("method", file.text_or("method", "equal"), file));
  std::vector<Variant> variants;
  const auto is_equal = [](const Node& entry) { return label_of(entry, "method") == "equal"; };
  const auto equal = std::find_if(entries.begin(), entries.end(), is_equal);
  if (equal != entries.end()) entries.erase(equal);
  entries.insert(entries.begin(), named("method", "equal", Node()));
  for (const auto& entry : entries) {
    const Node section = method_section(entry, file);
    balancers().resolve(section);  // names and options are checked before anything is planned
    add(variants, {label_of(entry, "method"), section});
  }
  return variants;
}

Node with_architecture(const Node& file, const std::string& name) {
  if (file.text_or("sharing", "hard") == name) return file;
  Node only_name = named("sharing", name, file);
  if (!sharings().contains(name)) sharings().resolve(only_name);  // throws, with a suggestion
  std::vector<std::string> known = start_keys();
  for (const auto& info : sharings().infos())
    if (info.name == name)
      for (const auto& option : info.options()) known.push_back(option.name.substr(0, option.name.find('.')));
  for (const auto& [key, value] : file.entries())
    if (std::find(known.begin(), known.end(), key) != known.end()) only_name.set(key, value);
  return only_name;
}

std::vector<Variant> architecture_variants(const Node& listed, const std::vector<std::string>& names,
                                           const Node& file) {
  auto entries = chosen_entries(entries_of(listed, "sharing"), names, "sharing");
  if (entries.empty()) entries.push_back(named("sharing", file.text_or("sharing", "hard"), file));
  std::vector<Variant> variants;
  for (const auto& entry : entries) {
    Node section = with_architecture(file, entry.text_or("sharing", ""));
    for (const auto& [key, value] : entry.entries()) section.set(key, value);
    add(variants, {label_of(entry, "sharing"), section});
  }
  return variants;
}

std::vector<Setting> listed_settings(const Node& listed) {
  if (listed.is_null()) return {Setting()};
  if (!listed.is_map() || listed.entries().empty())
    throw InputError(
        "{}: expected a map from names to lists of overrides, for example {{off: "
        "[couplings.allometry.weight=0], on: []}}",
        listed.where());
  std::vector<Setting> settings;
  for (const auto& [name, overrides] : listed.entries()) {
    if (!overrides.is_sequence() && !overrides.is_null())
      throw InputError("{}: expected a list of overrides (couplings.allometry.weight=0)", overrides.where());
    Setting setting{name, {}};
    for (const auto& item : overrides.items()) {
      if (!item.is_scalar() || item.text().find('=') == std::string::npos)
        throw InputError("{}: expected an override like couplings.allometry.weight=0", item.where());
      setting.overrides.push_back(item.text());
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

}  // namespace polytask
