#include <polytask/core/node.h>

#include <fmt/format.h>

#include <algorithm>

namespace polytask {

std::string Place::text() const { return line > 0 ? fmt::format("{}:{}", file, line) : file; }

Node Node::scalar_of(std::string text, bool quoted) {
  Node node;
  node.kind_ = Kind::scalar;
  node.text_ = std::move(text);
  node.quoted_ = quoted;
  return node;
}

Node Node::sequence_of(std::vector<Node> items) {
  Node node;
  node.kind_ = Kind::sequence;
  node.items_ = std::move(items);
  return node;
}

Node Node::map_of(std::vector<std::pair<std::string, Node>> entries) {
  Node node;
  node.kind_ = Kind::map;
  node.entries_ = std::move(entries);
  return node;
}

const Node* Node::find(const std::string& key) const {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
  return it == entries_.end() ? nullptr : &it->second;
}

Node& Node::set(const std::string& key, Node value) {
  kind_ = Kind::map;
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
  if (it != entries_.end()) return it->second = std::move(value);
  return entries_.emplace_back(key, std::move(value)).second;
}

void Node::erase(const std::string& key) {
  entries_.erase(
      std::remove_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; }),
      entries_.end());
}

void Node::append(Node item) {
  kind_ = Kind::sequence;
  items_.push_back(std::move(item));
}

std::string Node::text_or(const std::string& key, const std::string& fallback) const {
  const Node* node = find(key);
  return node != nullptr && node->is_scalar() ? node->text() : fallback;
}

std::string Node::where() const {
  const std::string at = place.text();
  if (at.empty()) return path.empty() ? "configuration" : path;
  return path.empty() ? at : fmt::format("{}: {}", at, path);
}

}  // namespace polytask
