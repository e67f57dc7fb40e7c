#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/core/scalar_text.h>
#include <polytask/core/suggest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

Node text_node(const std::string& text) { return Node::scalar_of(text, true); }
Node plain_node(const std::string& text) { return Node::scalar_of(text, false); }

std::string range_text(const Range& range) {
  std::vector<std::string> parts;
  if (range.min) parts.push_back(fmt::format("{} {}", range.min_open ? ">" : "≥", number_text(*range.min)));
  if (range.max) parts.push_back(fmt::format("{} {}", range.max_open ? "<" : "≤", number_text(*range.max)));
  if (!range.choices.empty()) parts.push_back(fmt::format("one of {}", fmt::join(range.choices, ", ")));
  return fmt::format("{}", fmt::join(parts, ", "));
}

void check_number(const Node& node, double value, const Range& range) {
  const bool low = range.min && (range.min_open ? value <= *range.min : value < *range.min);
  const bool high = range.max && (range.max_open ? value >= *range.max : value > *range.max);
  if (low || high || (std::isnan(value) && (range.min || range.max)))
    throw InputError("{}: {} is out of range: must be {}", node.where(), number_text(value), range_text(range));
}

void check_choice(const Node& node, const std::string& value, const Range& range) {
  if (range.choices.empty()) return;
  if (std::find(range.choices.begin(), range.choices.end(), value) == range.choices.end())
    throw InputError("{}: \"{}\" is not allowed: must be {}{}", node.where(), value, range_text(range),
                     nearest(value, range.choices).empty() ? "" : did_you_mean(value, range.choices));
}

// A single scalar where a list is expected is the list of that one value.
std::vector<Node> list_items(const Node& node) {
  if (node.is_sequence()) return node.items();
  if (node.is_scalar()) return {node};
  if (node.is_null()) return {};
  throw InputError("{}: expected a list, got a map", node.where());
}

class Reader : public Fields {
 public:
  explicit Reader(const Node& node) : node_(node) {
    if (!node.is_map() && !node.is_null())
      throw InputError("{}: expected a map of options, got {}", node.where(),
                       node.is_scalar() ? fmt::format("\"{}\"", node.text()) : "a list");
  }
  std::vector<std::string> known;

 protected:
  void visit(const FieldInfo& info, FieldRef value) override {
    known.push_back(info.name);
    const Node* given = node_.find(info.name);
    if (given == nullptr) {
      if (info.range.required) throw InputError("{}: \"{}\" is missing: {}", node_.where(), info.name, info.doc);
      return;
    }
    std::visit([&](auto* target) { read(*given, info.range, *target); }, value);
  }

  void enter(const FieldInfo& info, const std::function<void(Fields&)>& inner) override {
    known.push_back(info.name);
    const Node* given = node_.find(info.name);
    Node absent;  // what it requires is missing all the same
    absent.place = node_.place;
    absent.path = node_.path.empty() ? info.name : node_.path + "." + info.name;
    read_fields(given != nullptr ? *given : absent, inner);
  }

 private:
  static void read(const Node& node, const Range&, bool& value) { value = boolean_of(node); }
  static void read(const Node& node, const Range&, Node& value) { value = node; }
  static void read(const Node& node, const Range& range, int64_t& value) {
    value = integer_of(node);
    check_number(node, static_cast<double>(value), range);
  }
  static void read(const Node& node, const Range& range, double& value) {
    value = number_of(node);
    check_number(node, value, range);
  }
  static void read(const Node& node, const Range& range, std::string& value) {
    // Nothing, as in `key:` or the override `key=`, is the empty text.
    value = node.is_null() ? "" : scalar_text(node, "text");
    check_choice(node, value, range);
  }
  template <class T>
  static void read(const Node& node, const Range& range, std::optional<T>& value) {
    if (node.is_null()) {
      value.reset();
      return;
    }
    T inner{};
    read(node, range, inner);
    value = inner;
  }
  template <class T>
  static void read(const Node& node, const Range& range, std::vector<T>& value) {
    value.clear();
    for (const auto& item : list_items(node)) read(item, range, value.emplace_back());
  }
  template <class T>
  static void read(const Node& node, const Range& range, std::map<std::string, T>& value) {
    if (!node.is_map()) throw InputError("{}: expected a map", node.where());
    value.clear();
    for (const auto& [key, item] : node.entries()) read(item, range, value[key]);
  }

  const Node& node_;
};

class Writer : public Fields {
 public:
  Node node = Node::map_of();

 protected:
  void visit(const FieldInfo& info, FieldRef value) override {
    std::visit([&](auto* source) { put(info.name, *source); }, value);
  }
  void enter(const FieldInfo& info, const std::function<void(Fields&)>& inner) override {
    node.set(info.name, write_fields(inner));
  }

 private:
  static Node write(bool value) { return plain_node(value ? "true" : "false"); }
  static Node write(int64_t value) { return plain_node(std::to_string(value)); }
  static Node write(double value) { return plain_node(number_text(value)); }
  static Node write(const std::string& value) { return text_node(value); }
  template <class T>
  static Node write(const std::vector<T>& values) {
    Node list = Node::sequence_of({});
    for (const auto& value : values) list.append(write(value));
    return list;
  }
  template <class T>
  static Node write(const std::map<std::string, T>& values) {
    Node map = Node::map_of();
    for (const auto& [key, value] : values) map.set(key, write(value));
    return map;
  }
  template <class T>
  void put(const std::string& name, const T& value) {
    node.set(name, write(value));
  }
  template <class T>
  void put(const std::string& name, const std::optional<T>& value) {
    if (value) node.set(name, write(*value));
  }
  void put(const std::string& name, const Node& value) {
    if (!value.is_null()) node.set(name, value);
  }
};

std::string flow_text(const Node& node) {
  if (node.is_scalar()) return node.text();
  std::vector<std::string> parts;
  for (const auto& item : node.items()) parts.push_back(flow_text(item));
  for (const auto& [key, value] : node.entries()) parts.push_back(fmt::format("{}: {}", key, flow_text(value)));
  if (node.is_map()) return fmt::format("{{{}}}", fmt::join(parts, ", "));
  if (node.is_sequence()) return fmt::format("[{}]", fmt::join(parts, ", "));
  return "";
}

std::string type_name(const FieldRef& value) {
  return std::visit(
      Overloaded{[](bool*) { return "yes/no"; }, [](int64_t*) { return "integer"; }, [](double*) { return "number"; },
                 [](std::string*) { return "text"; }, [](std::optional<int64_t>*) { return "integer"; },
                 [](std::optional<double>*) { return "number"; }, [](std::optional<std::string>*) { return "text"; },
                 [](std::vector<int64_t>*) { return "list of integers"; },
                 [](std::vector<double>*) { return "list of numbers"; },
                 [](std::vector<std::string>*) { return "list of texts"; },
                 [](std::map<std::string, double>*) { return "map of numbers"; },
                 [](std::map<std::string, std::string>*) { return "map of texts"; }, [](Node*) { return "map"; }},
      value);
}

class Describer : public Fields {
 public:
  Describer(std::string prefix, std::vector<FieldDescription>& rows) : prefix_(std::move(prefix)), rows_(rows) {}

 protected:
  void visit(const FieldInfo& info, FieldRef value) override {
    const Node all = write_fields([&](Fields& f) { std::visit([&](auto* v) { f.field("v", *v, ""); }, value); });
    const Node* written = all.find("v");
    const std::string shown = info.range.required ? "required" : written != nullptr ? flow_text(*written) : "";
    rows_.push_back({prefix_ + info.name, type_name(value), shown, range_text(info.range), info.doc});
  }
  void enter(const FieldInfo& info, const std::function<void(Fields&)>& inner) override {
    Describer nested(prefix_ + info.name + ".", rows_);
    inner(nested);
  }

 private:
  std::string prefix_;
  std::vector<FieldDescription>& rows_;
};

}  // namespace

Range at_least(double min) {
  Range range;
  range.min = min;
  return range;
}
Range above(double min) {
  Range range = at_least(min);
  range.min_open = true;
  return range;
}
Range between(double min, double max) {
  Range range = at_least(min);
  range.max = max;
  return range;
}
Range strictly_between(double min, double max) {
  Range range = between(min, max);
  range.min_open = range.max_open = true;
  return range;
}
Range one_of(std::vector<std::string> choices) {
  Range range;
  range.choices = std::move(choices);
  return range;
}
Range required() {
  Range range;
  range.required = true;
  return range;
}

void read_fields(const Node& node, const DescribeFields& fields, const std::vector<std::string>& also_known) {
  Reader reader(node);
  fields(reader);
  reader.known.insert(reader.known.end(), also_known.begin(), also_known.end());
  for (const auto& [key, value] : node.entries()) {
    if (std::find(reader.known.begin(), reader.known.end(), key) == reader.known.end())
      throw InputError("{}: unknown key{}", value.where(), did_you_mean(key, reader.known));
  }
}

Node write_fields(const DescribeFields& fields) {
  Writer writer;
  fields(writer);
  return writer.node;
}

std::vector<FieldDescription> describe_fields(const DescribeFields& fields) {
  std::vector<FieldDescription> rows;
  Describer describer("", rows);
  fields(describer);
  return rows;
}

}  // namespace polytask
