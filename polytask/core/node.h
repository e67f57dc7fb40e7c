#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// Where a configuration value was written.
struct Place {
  std::string file;  ///< a path, "command line" or "default"
  int line = 0;      ///< 1-based; 0 where a line means nothing

  /// "file:line", or "file" alone where there is no line.
  std::string text() const;
};

/// A tree of configuration values, each with its place and its key path, so that every error can say where.
/// Scalars stay text until an options field asks for a type.
class Node {
 public:
  enum class Kind { null, scalar, sequence, map };

  Node() = default;
  static Node scalar_of(std::string text, bool quoted = false);
  static Node sequence_of(std::vector<Node> items);
  static Node map_of(std::vector<std::pair<std::string, Node>> entries = {});

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_scalar() const { return kind_ == Kind::scalar; }
  bool is_sequence() const { return kind_ == Kind::sequence; }
  bool is_map() const { return kind_ == Kind::map; }

  const std::string& text() const { return text_; }  ///< of a scalar
  bool quoted() const { return quoted_; }            ///< a quoted scalar is a string whatever it looks like
  const std::vector<Node>& items() const { return items_; }
  const std::vector<std::pair<std::string, Node>>& entries() const { return entries_; }

  /// The value under `key` of a map, or nullptr (also where this is no map).
  const Node* find(const std::string& key) const;
  /// Sets `key` of a map (a null node becomes a map), in place where it exists, at the end where not.
  Node& set(const std::string& key, Node value);
  void erase(const std::string& key);
  void append(Node item);
  /// The text of scalar `key`, or `fallback` where absent.
  std::string text_or(const std::string& key, const std::string& fallback) const;

  Place place;       ///< where it was written
  std::string path;  ///< key path from the root, for example "tasks.digit.head.hidden"

  /// "mnist.yaml:12: tasks.digit.head" — the start of every message about this value.
  std::string where() const;

 private:
  Kind kind_ = Kind::null;
  std::string text_;
  bool quoted_ = false;
  std::vector<Node> items_;
  std::vector<std::pair<std::string, Node>> entries_;
};

}  // namespace polytask
