#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/options.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace polytask {
namespace {

// yaml-cpp takes no longer key for one without a leading "?".
constexpr size_t kMaxSimpleKey = 1000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_null_word(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// A number or a boolean where it stands unquoted.
bool is_number_or_boolean(const std::string& text) {
  const Node plain = Node::scalar_of(text);
  try {
    number_of(plain);
    return true;
  } catch (const InputError&) {
  }
  try {
    boolean_of(plain);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

// What we or another YAML reader (1.1 has yes, 12:30, 0b1, dates) might not take for a text.
bool looks_typed(const std::string& text) {
  static constexpr std::array<std::string_view, 8> kWords = {"yes", "no", "on", "off", "y", "n", "true", "false"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::find(kWords.begin(), kWords.end(), lower) != kWords.end()) return true;
  return is_digit(text[0]) || (text[0] == '.' && text.size() > 1 && text[1] != '/' && text[1] != '.');
}

// May stand without quotes, in block and flow context: stricter than YAML, which needs a page to say when.
bool is_plain_safe(const std::string& text) {
  static constexpr std::string_view kInner = "_-./+=()*@^<>%$ ";
  if (is_null_word(text) || text.back() == ' ' || text.compare(0, 3, "...") == 0) return false;
  if (!is_letter(text[0]) && !is_digit(text[0]) && text[0] != '_' && text[0] != '/' && text[0] != '.') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || kInner.find(c) != std::string_view::npos; });
}

std::string double_quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (c == '\n')
      result += "\\n";
    else if (c == '\t')
      result += "\\t";
    else if (byte < 0x20 || byte == 0x7F)
      result += fmt::format("\\x{:02X}", byte);
    else
      result += c;
  }
  return result + "\"";
}

std::string scalar_text(const Node& node) {
  const std::string& text = node.text();
  if (!node.quoted() && is_number_or_boolean(text)) return text;
  if (!is_plain_safe(text) || (node.quoted() && looks_typed(text))) return double_quoted(text);
  return text;
}

// The start of a map entry, up to its colon.
std::string key_text(const std::string& key, const std::string& margin) {
  const std::string text = is_plain_safe(key) ? key : double_quoted(key);
  return text.size() <= kMaxSimpleKey ? margin + text + ":" : fmt::format("{0}? {1}\n{0}:", margin, text);
}

bool is_leaf(const Node& node) { return node.is_scalar() || node.is_null(); }

bool fits_one_line(const Node& node) {
  if (node.is_map()) return node.entries().empty();
  return std::all_of(node.items().begin(), node.items().end(), is_leaf);
}

std::string one_line(const Node& node) {
  if (node.is_null()) return "null";
  if (node.is_scalar()) return scalar_text(node);
  if (node.is_map()) return "{}";
  std::string result = "[";
  for (const auto& item : node.items()) result += (result.size() > 1 ? ", " : "") + one_line(item);
  return result + "]";
}

// Lines that start with `indent` spaces and end with a line break.
std::string block(const Node& node, size_t indent) {
  const std::string margin(indent, ' ');
  if (fits_one_line(node)) return margin + one_line(node) + "\n";
  std::string result;
  for (const auto& [key, value] : node.entries()) {
    result += key_text(key, margin);
    result += fits_one_line(value) ? " " + one_line(value) + "\n" : "\n" + block(value, indent + 2);
  }
  for (const auto& item : node.items()) {
    std::string lines = block(item, indent + 2);
    lines[indent] = '-';
    result += lines;
  }
  return result;
}

}  // namespace

std::string write_yaml(const Node& node) { return block(node, 0); }

}  // namespace polytask
