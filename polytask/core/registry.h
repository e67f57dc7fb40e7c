#pragma once
#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/core/suggest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// What a registered thing says of itself, for `polytask list` and the reference documentation.
struct RegistryInfo {
  std::string name;
  std::string summary;  ///< one sentence
  std::string source;   ///< paper and equation, or ""
  std::function<std::vector<FieldDescription>()> options;
};

/// The named implementations of one interface. Each folder fills its registry from one explicit list; a user's program
/// adds its own with one more `add`. The node given to `resolve` and `create` is a map whose `name_key` is the name.
template <class Interface, class... Args>
class Registry {
 public:
  /// `what` names a member in messages ("backbone"); `name_key` is the key under which configurations name it.
  explicit Registry(std::string what, std::string name_key = "type")
      : what_(std::move(what)), name_key_(std::move(name_key)) {}

  /// Registers `make(options, args...)` under `name`; registering a name again replaces it.
  template <class Options, class Make>
  void add(const std::string& name, const std::string& summary, const std::string& source, Make make) {
    Entry entry;
    entry.info = {name, summary, source, [] {
                    Options options;
                    return describe_fields([&](Fields& f) { options.fields(f); });
                  }};
    const std::string key = name_key_;
    entry.resolve = [key, name](const Node& node) {
      Node resolved = Node::map_of({{key, Node::scalar_of(name)}});
      const Node options = write_options(read_options<Options>(node, {key}));
      for (const auto& [option, value] : options.entries()) resolved.set(option, value);
      resolved.place = node.place;
      resolved.path = node.path;
      return resolved;
    };
    entry.create = [key, make](const Node& node, Args... args) -> std::unique_ptr<Interface> {
      return make(read_options<Options>(node, {key}), std::forward<Args>(args)...);
    };
    for (auto& known : entries_) {
      if (known.info.name == name) {
        known = std::move(entry);
        return;
      }
    }
    entries_.push_back(std::move(entry));
  }

  bool contains(const std::string& name) const {
    for (const auto& entry : entries_)
      if (entry.info.name == name) return true;
    return false;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : entries_) result.push_back(entry.info.name);
    return result;
  }
  std::vector<RegistryInfo> infos() const {
    std::vector<RegistryInfo> result;
    for (const auto& entry : entries_) result.push_back(entry.info);
    return result;
  }

  /// The node with every option of the named member written out. Throws InputError for an unknown name or option.
  Node resolve(const Node& node) const { return entry(node).resolve(node); }
  std::unique_ptr<Interface> create(const Node& node, Args... args) const {
    return entry(node).create(node, std::forward<Args>(args)...);
  }

 private:
  struct Entry {
    RegistryInfo info;
    std::function<Node(const Node&)> resolve;
    std::function<std::unique_ptr<Interface>(const Node&, Args...)> create;
  };

  const Entry& entry(const Node& node) const {
    const Node* name = node.find(name_key_);
    if (name == nullptr || !name->is_scalar())
      throw InputError("{}: no {} given: \"{}\" must name one{}", node.where(), what_, name_key_,
                       did_you_mean("", names()));
    for (const auto& known : entries_)
      if (known.info.name == name->text()) return known;
    throw InputError("{}: unknown {} \"{}\"{}", name->where(), what_, name->text(),
                     did_you_mean(name->text(), names()));
  }

  std::string what_, name_key_;
  std::vector<Entry> entries_;
};

/// For members without options.
struct NoOptions {
  void fields(Fields&) {}
};

}  // namespace polytask
