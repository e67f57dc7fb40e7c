#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <limits>
#include <string_view>

namespace polytask {
namespace {

constexpr size_t kDeepest = 200;

// The parser reads one character beyond a number: the line of a token is that of the character before the last one
// read.
struct ReadingPosition {
  int line = 1;
  bool after_newline = false;
};

class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, ReadingPosition* position) : at_(at), position_(position) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    position_->line += position_->after_newline ? 1 : 0;
    position_->after_newline = *at_ == '\n';
    ++at_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  ReadingPosition* position_;
};

// What went wrong, without the library's name and its own idea of the place.
std::string reason_of(const std::string& message) {
  std::string reason = message.substr(std::min(message.size(), message.find("] ") + 2));
  if (reason.rfind("parse error at line", 0) == 0) {
    const size_t colon = reason.find(": ");
    if (colon != std::string::npos) reason.erase(0, colon + 2);
  }
  return reason;
}

// Builds the tree from the parser's events.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view text, const std::string& name, int first_line) : text_(text), name_(name) {
    position_.line = first_line;
    first_line_ = first_line;
  }

  Node build() {
    nlohmann::json::sax_parse(CountingIterator(text_.data(), &position_),
                              CountingIterator(text_.data() + text_.size(), &position_), this);
    return std::move(root_);
  }

  bool null() override { return put(Node()); }
  bool boolean(bool value) override { return put(Node::scalar_of(value ? "true" : "false")); }
  bool number_integer(number_integer_t value) override { return put(Node::scalar_of(std::to_string(value))); }
  bool number_unsigned(number_unsigned_t value) override { return put(Node::scalar_of(std::to_string(value))); }
  bool number_float(number_float_t, const string_t& text) override { return put(Node::scalar_of(text)); }
  bool string(string_t& text) override { return put(Node::scalar_of(std::move(text), true)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool key(string_t& text) override {
    open_.back().key = std::move(text);
    return true;
  }
  bool end_object() override {
    Open closed = pop();
    check_keys(closed.entries);
    return store(Node::map_of(std::move(closed.entries)), std::move(closed.place), std::move(closed.path));
  }
  bool end_array() override {
    Open closed = pop();
    return store(Node::sequence_of(std::move(closed.items)), std::move(closed.place), std::move(closed.path));
  }
  bool parse_error(std::size_t read, const std::string&, const nlohmann::detail::exception& error) override {
    const size_t at = std::min(read == 0 ? 0 : read - 1, text_.size());
    const std::string_view before = text_.substr(0, at);
    const size_t newline = before.rfind('\n');
    const size_t column = newline == std::string_view::npos ? at + 1 : at - newline;
    const auto line = first_line_ + std::count(before.begin(), before.end(), '\n');
    throw InputError("{}:{}: column {}: no JSON: {}", name_, line, column, reason_of(error.what()));
  }

 private:
  // An object or array whose end has not come yet.
  struct Open {
    bool is_object;
    Place place;
    std::string path;
    std::string key;
    std::vector<std::pair<std::string, Node>> entries;
    std::vector<Node> items;
  };

  Place here() const { return {name_, position_.line}; }
  std::string next_path() const {
    if (open_.empty()) return "";
    const Open& parent = open_.back();
    if (!parent.is_object) return fmt::format("{}[{}]", parent.path, parent.items.size());
    return parent.path.empty() ? parent.key : fmt::format("{}.{}", parent.path, parent.key);
  }
  bool put(Node node) { return store(std::move(node), here(), next_path()); }
  bool store(Node node, Place place, std::string path) {
    node.place = std::move(place);
    node.path = std::move(path);
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Open& parent = open_.back(); parent.is_object) {
      parent.entries.emplace_back(std::move(parent.key), std::move(node));
    } else {
      parent.items.push_back(std::move(node));
    }
    return true;
  }
  bool open(bool is_object) {
    if (open_.size() == kDeepest) throw InputError("{}: nested more than {} deep", here().text(), kDeepest);
    open_.push_back({is_object, here(), next_path(), "", {}, {}});
    return true;
  }
  Open pop() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    return closed;
  }
  static void check_keys(const std::vector<std::pair<std::string, Node>>& entries) {
    std::vector<const std::pair<std::string, Node>*> sorted;
    sorted.reserve(entries.size());
    for (const auto& entry : entries) sorted.push_back(&entry);
    std::stable_sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->first < b->first; });
    const auto twice =
        std::adjacent_find(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->first == b->first; });
    if (twice == sorted.end()) return;
    const auto* second = *std::next(twice);
    throw InputError("{}: the key stands there twice; the first is in line {}", second->second.where(),
                     (*twice)->second.place.line);
  }

  std::string_view text_;
  const std::string& name_;
  ReadingPosition position_;
  int first_line_ = 1;
  std::vector<Open> open_;
  Node root_;
};

// -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_json_number(std::string_view text) {
  const auto digits = [&text] {
    size_t count = 0;
    while (count < text.size() && std::isdigit(static_cast<unsigned char>(text[count])) != 0) ++count;
    text.remove_prefix(count);
    return count;
  };
  const auto take = [&text](const char* any) {
    const bool found = !text.empty() && std::string_view(any).find(text[0]) != std::string_view::npos;
    if (found) text.remove_prefix(1);
    return found;
  };
  take("-");
  const bool leading_zero = !text.empty() && text[0] == '0';
  const size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return false;
  if (take(".") && digits() == 0) return false;
  if (take("eE")) {
    take("+-");
    if (digits() == 0) return false;
  }
  return text.empty();
}

// What YAML calls a number and JSON does not: "+3", ".5", "1."; "017" stays the text that it may well be.
bool is_other_number(const std::string& text) {
  const bool odd = text[0] == '+' || text[0] == '.' || text.compare(0, 2, "-.") == 0 || text.back() == '.' ||
                   text.find(".e") != std::string::npos || text.find(".E") != std::string::npos;
  if (!odd) return false;
  try {
    number_of(Node::scalar_of(text));
    return true;
  } catch (const InputError&) {
    return false;
  }
}

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string scalar_text(const Node& node) {
  const std::string& text = node.text();
  if (node.quoted() || text.empty()) return json_string(text);
  if (text == ".nan") return "\"NaN\"";
  if (text == ".inf" || text == "+.inf") return "\"Infinity\"";
  if (text == "-.inf") return "\"-Infinity\"";
  if (text == "true" || text == "false" || text == "null" || is_json_number(text)) return text;
  if (text == "True" || text == "TRUE") return "true";
  if (text == "False" || text == "FALSE") return "false";
  return is_other_number(text) ? number_text(number_of(node)) : json_string(text);
}

// Appends trees to a text; `indent` < 0 for one line.
class JsonWriter {
 public:
  JsonWriter(std::string& out, int indent) : out_(out), indent_(indent) {}

  void write(const Node& node, int depth) {
    if (node.is_map()) {
      bracket('{', '}', node.entries(), depth, [&](const auto& entry) {
        out_ += json_string(entry.first);
        out_ += indent_ < 0 ? ":" : ": ";
        write(entry.second, depth + 1);
      });
    } else if (node.is_sequence()) {
      bracket('[', ']', node.items(), depth, [&](const Node& item) { write(item, depth + 1); });
    } else {
      out_ += node.is_null() ? "null" : scalar_text(node);
    }
  }

 private:
  template <class Items, class WriteItem>
  void bracket(char begin, char end, const Items& items, int depth, const WriteItem& write_item) {
    out_ += begin;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      new_line(depth + 1);
      write_item(item);
    }
    if (!first) new_line(depth);
    out_ += end;
  }
  void new_line(int depth) {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(indent_) * static_cast<size_t>(depth), ' ');
  }

  std::string& out_;
  int indent_;
};

}  // namespace

Node parse_json(const std::string& text, const std::string& name) { return TreeBuilder(text, name, 1).build(); }

Node read_json_file(const std::filesystem::path& path) { return parse_json(read_file(path), path.string()); }

std::vector<Node> read_json_lines(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  const std::string name = path.string();
  std::string_view rest = text;
  std::vector<Node> documents;
  for (int line = 1; !rest.empty(); ++line) {
    const std::string_view document = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), document.size() + 1));
    if (document.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    documents.push_back(TreeBuilder(document, name, line).build());
  }
  return documents;
}

std::string write_json(const Node& node, int indent) {
  std::string text;
  JsonWriter(text, indent).write(node, 0);
  return text;
}

double json_number(const Node& node) {
  const std::string& text = node.text();
  if (node.is_scalar() && text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (node.is_scalar() && text == "Infinity") return std::numeric_limits<double>::infinity();
  if (node.is_scalar() && text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return number_of(node);
}

}  // namespace polytask
