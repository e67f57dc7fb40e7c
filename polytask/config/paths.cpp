#include <polytask/config/yaml.h>

#include <fmt/format.h>

namespace polytask {
namespace {

Node with_path(const Node& node, const std::string& path) {
  Node result;
  if (node.is_scalar()) result = node;
  if (node.is_map()) {
    std::vector<std::pair<std::string, Node>> entries;
    entries.reserve(node.entries().size());
    for (const auto& [key, value] : node.entries())
      entries.emplace_back(key, with_path(value, path.empty() ? key : path + "." + key));
    result = Node::map_of(std::move(entries));
  } else if (node.is_sequence()) {
    std::vector<Node> items;
    items.reserve(node.items().size());
    for (size_t i = 0; i < node.items().size(); ++i)
      items.push_back(with_path(node.items()[i], fmt::format("{}[{}]", path, i)));
    result = Node::sequence_of(std::move(items));
  }
  result.place = node.place;
  result.path = path;
  return result;
}

}  // namespace

void set_paths(Node& root, const std::string& path) { root = with_path(root, path); }

}  // namespace polytask
