#include <polytask/config/yaml.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace polytask {
namespace {

// One part of "a.b[0]": a key (or, on a list, a number), or an item in brackets.
struct Step {
  std::string text;
  bool bracketed = false;
};

std::optional<size_t> index_of(const std::string& text) {
  size_t index = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, index);
  return error == std::errc() && stop == end ? std::optional(index) : std::nullopt;
}

[[noreturn]] void malformed(const std::string& assignment, const std::string& problem) {
  throw InputError("command line: override \"{}\": {}; write it as a.b.c=value or a.b[0]=value", assignment, problem);
}

std::vector<Step> steps_of(const std::string& key, const std::string& assignment) {
  std::vector<Step> steps;
  size_t at = 0;
  while (at <= key.size()) {
    const size_t end = std::min(key.find_first_of(".[", at), key.size());
    if (end == at) malformed(assignment, "a key is empty");
    steps.push_back({key.substr(at, end - at)});
    at = end;
    while (at < key.size() && key[at] == '[') {
      const size_t close = key.find(']', at);
      const std::string number = close == std::string::npos ? "" : key.substr(at + 1, close - at - 1);
      if (!index_of(number)) malformed(assignment, "brackets must hold the number of a list's item");
      steps.push_back({number, true});
      at = close + 1;
    }
    if (at < key.size() && key[at] != '.') malformed(assignment, "a dot is missing after the brackets");
    ++at;
  }
  return steps;
}

std::string path_text(const std::vector<Step>& steps, size_t count) {
  std::string path;
  for (size_t i = 0; i < count; ++i)
    path += steps[i].bracketed ? "[" + steps[i].text + "]" : (i > 0 ? "." : "") + steps[i].text;
  return path;
}

struct Assignment {
  const std::string& text;
  std::vector<Step> steps;
  Node value;

  [[noreturn]] void fail(size_t depth, const std::string& problem) const {
    const std::string path = path_text(steps, depth);
    throw InputError("command line: override \"{}\": {} {}", text, path.empty() ? "the configuration" : path, problem);
  }
};

Node assigned(const Node& node, const Assignment& assignment, size_t depth);

Node assigned_in_list(const Node& list, const Assignment& assignment, size_t depth) {
  const Step& step = assignment.steps[depth];
  const auto index = index_of(step.text);
  if (!index) assignment.fail(depth, fmt::format("is a list; name its item by number, not \"{}\"", step.text));
  std::vector<Node> items = list.items();
  if (*index >= items.size())
    assignment.fail(depth, fmt::format("has {} items, numbered from 0; there is no item {}", items.size(), *index));
  items[*index] = assigned(items[*index], assignment, depth + 1);
  Node result = Node::sequence_of(std::move(items));
  result.place = list.place;
  return result;
}

// `node` with the value put in below it; maps that are missing on the way come into being.
Node assigned(const Node& node, const Assignment& assignment, size_t depth) {
  if (depth == assignment.steps.size()) return assignment.value;
  const Step& step = assignment.steps[depth];
  if (node.is_scalar()) assignment.fail(depth, fmt::format("is \"{}\", which holds no \"{}\"", node.text(), step.text));
  if (node.is_sequence()) return assigned_in_list(node, assignment, depth);
  if (step.bracketed) assignment.fail(depth, fmt::format("is no list, so it has no item [{}]", step.text));
  Node missing;
  missing.place = assignment.value.place;
  const Node* existing = node.find(step.text);
  Node result = node;
  result.set(step.text, assigned(existing != nullptr ? *existing : missing, assignment, depth + 1));
  return result;
}

size_t nesting(const Node& node) {
  size_t deepest = 0;
  for (const auto& item : node.items()) deepest = std::max(deepest, nesting(item));
  for (const auto& [key, value] : node.entries()) deepest = std::max(deepest, nesting(value));
  return deepest + 1;
}

Node placed(const Node& node, const Place& place) {
  Node result = node;
  if (node.is_map()) {
    for (const auto& [key, value] : node.entries()) result.set(key, placed(value, place));
  } else if (node.is_sequence()) {
    result = Node::sequence_of({});
    for (const auto& item : node.items()) result.append(placed(item, place));
  }
  result.place = place;
  return result;
}

Node value_of(const std::string& text, const std::string& assignment) {
  const Place place{"command line", 0};
  try {
    return placed(parse_yaml(text, place.file), place);
  } catch (const InputError& e) {
    throw InputError("{} (in the override \"{}\")", e.what(), assignment);
  }
}

}  // namespace

void apply_override(Node& root, const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos) malformed(assignment, "there is no \"=\"");
  const Assignment parsed{assignment, steps_of(assignment.substr(0, equals), assignment),
                          value_of(assignment.substr(equals + 1), assignment)};
  if (parsed.steps.size() + nesting(parsed.value) > kMaxYamlDepth + 1)
    malformed(assignment, fmt::format("nested deeper than {} levels", kMaxYamlDepth));
  root = assigned(root, parsed, 0);
  set_paths(root, root.path);
}

}  // namespace polytask
