#include <polytask/config/utf8.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace polytask {
namespace {

constexpr size_t kMaxValues = 100000;
constexpr size_t kMaxBytes = size_t{1} << 24;
constexpr size_t kMaxKeyBytes = 1000;
// yaml-cpp takes what an unclosed bracket opens for a key.
constexpr const char* kNotAKey = "a map or list can not be a key; keys are texts (or is a bracket not closed?)";

// A complete value with what it costs: levels of nesting and number of nodes.
struct Measured {
  Node node;
  size_t depth = 1;
  size_t values = 1;
};

// A map or list whose end has not come yet.
struct OpenContainer {
  bool is_map = false;
  Place place;
  YAML::anchor_t anchor = 0;
  size_t depth = 0, values = 1;  // of the deepest item so far; of everything so far
  std::vector<Node> items;
  std::vector<std::pair<std::string, Node>> entries;
  std::optional<std::string> key;  // of the value that comes next
  Place key_place;
  std::unordered_map<std::string, Place> keys;
};

// Builds the tree from yaml-cpp's events, which carry what its own nodes lose: duplicate keys and quoting.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string name) : name_(std::move(name)) {}
  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) fail(mark, "one YAML document is expected, but another begins here");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add_leaf(mark, Node(), anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool is_text = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!is_text) check_tag(mark, tag);
    add_leaf(mark, Node::scalar_of(text, is_text), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) fail(mark, "an alias stands inside the value that it names");
    count(mark, it->second.values);
    Measured copy = it->second;
    copy.node.place = place_of(mark);
    add(mark, std::move(copy));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, false);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, true);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  Place place_of(const YAML::Mark& mark) const { return {name_, mark.line + 1}; }

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& message) const {
    throw InputError("{}: {}", place_of(mark).text(), message);
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!")
      fail(mark, fmt::format("the tag \"{}\" is not supported; write the value without it", tag));
  }

  void count(const YAML::Mark& mark, size_t values) {
    total_ += values;
    if (total_ > kMaxValues) fail(mark, fmt::format("more than {} values, aliases included", kMaxValues));
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool is_map) {
    check_tag(mark, tag);
    count(mark, 1);
    if (!open_.empty() && open_.back().is_map && !open_.back().key) fail(mark, kNotAKey);
    if (open_.size() >= kMaxYamlDepth) too_deep(mark);
    OpenContainer& container = open_.emplace_back();
    container.is_map = is_map;
    container.place = place_of(mark);
    container.anchor = anchor;
    last_ = mark;
  }

  [[noreturn]] void too_deep(const YAML::Mark& mark) const {
    fail(mark, fmt::format("nested deeper than {} levels", kMaxYamlDepth));
  }

  void close() {
    OpenContainer container = std::move(open_.back());
    open_.pop_back();
    Measured done;
    done.node =
        container.is_map ? Node::map_of(std::move(container.entries)) : Node::sequence_of(std::move(container.items));
    done.node.place = container.place;
    done.depth = container.depth + 1;
    done.values = container.values;
    remember(last_, container.anchor, done);
    add(last_, std::move(done));
  }

  void add_leaf(const YAML::Mark& mark, Node node, YAML::anchor_t anchor) {
    count(mark, 1);
    Measured leaf;
    leaf.node = std::move(node);
    leaf.node.place = place_of(mark);
    remember(mark, anchor, leaf);
    add(mark, std::move(leaf));
  }

  void remember(const YAML::Mark& mark, YAML::anchor_t anchor, const Measured& value) {
    if (anchor == 0) return;
    count(mark, value.values);
    anchors_[anchor] = value;
  }

  void add(const YAML::Mark& mark, Measured value) {
    last_ = mark;
    if (open_.empty()) {
      root_ = std::move(value.node);
      return;
    }
    OpenContainer& parent = open_.back();
    if (parent.is_map && !parent.key) return take_key(mark, parent, value.node);
    if (open_.size() + value.depth > kMaxYamlDepth + 1) too_deep(mark);
    parent.depth = std::max(parent.depth, value.depth);
    parent.values += value.values;
    if (!parent.is_map) {
      parent.items.push_back(std::move(value.node));
      return;
    }
    value.node.place = parent.key_place;
    parent.entries.emplace_back(std::move(*parent.key), std::move(value.node));
    parent.key.reset();
  }

  void take_key(const YAML::Mark& mark, OpenContainer& map, const Node& key) const {
    if (key.is_null()) fail(mark, "a key is missing; quote \"null\" or \"~\" where it is meant as a key");
    if (!key.is_scalar()) fail(mark, kNotAKey);
    if (key.text().size() > kMaxKeyBytes) fail(mark, fmt::format("a key is longer than {} bytes", kMaxKeyBytes));
    const auto [first, is_new] = map.keys.emplace(key.text(), place_of(mark));
    if (!is_new)
      fail(mark, fmt::format("key \"{}\" is given twice (first in line {})", key.text(), first->second.line));
    map.key = key.text();
    map.key_place = place_of(mark);
  }

  std::string name_;
  Node root_;
  std::vector<OpenContainer> open_;
  std::unordered_map<YAML::anchor_t, Measured> anchors_;
  YAML::Mark last_;
  size_t total_ = 0;
  int documents_ = 0;
};

}  // namespace

Node parse_yaml(const std::string& text, const std::string& name) {
  check_utf8_text(text, name);
  TreeBuilder builder(name);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) continue;
  } catch (const YAML::Exception& e) {
    const Place place{name, e.mark.is_null() ? 0 : e.mark.line + 1};
    throw InputError("{}: not valid YAML: {}", place.text(), e.msg);
  }
  Node root = builder.take_root();
  root.place = {name, 0};
  set_paths(root);
  return root;
}

Node read_yaml_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw InputError("{}: is a directory; a YAML file is expected", path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw InputError("{}: {}", path.string(),
                     std::filesystem::exists(path, ignored) ? "cannot be read" : "no such file");
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) throw InputError("{}: cannot be read", path.string());
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxBytes)
    throw InputError("{}: larger than {} MiB, which no configuration is", path.string(), kMaxBytes >> 20);
  return parse_yaml(text, path.string());
}

}  // namespace polytask
