#include <polytask/core/error.h>
#include <polytask/core/options.h>
#include <polytask/core/scalar_text.h>

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <locale>
#include <optional>
#include <sstream>

namespace polytask {
namespace {

[[noreturn]] void wrong_type(const Node& node, const char* expected) {
  throw InputError("{}: expected {}, got \"{}\"", node.where(), expected, node.text());
}

// Position after the digits of `text` from `at` on.
size_t skip_digits(const std::string& text, size_t at) {
  const size_t end = text.find_first_not_of("0123456789", at);
  return end == std::string::npos ? text.size() : end;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool is_decimal(const std::string& text) {
  size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const size_t whole = skip_digits(text, at) - at;
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const size_t end = skip_digits(text, at + 1);
    if (whole == 0 && end == at + 1) return false;
    at = end;
  } else if (whole == 0) {
    return false;
  }
  if (at == text.size()) return true;
  if (text[at] != 'e' && text[at] != 'E') return false;
  ++at;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  const size_t end = skip_digits(text, at);
  return end > at && end == text.size();
}

// Infinity where it is too large. strtod would read it as the locale of the moment says.
std::optional<double> decimal_number(const std::string& text) {
  double value = 0;
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  stream >> value;
  return std::abs(value) > 1 ? std::numeric_limits<double>::infinity() : value;
}

// 0o17, 0x1F.
std::optional<double> radix_number(const std::string& text) {
  const std::string prefix = text.substr(0, 2);
  if (prefix != "0o" && prefix != "0x") return std::nullopt;
  uint64_t value = 0;
  const char* limit = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + 2, limit, value, prefix == "0o" ? 8 : 16);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<double>::infinity();
  if (error != std::errc() || end != limit) return std::nullopt;
  return static_cast<double>(value);
}

std::optional<double> infinity_or_nan(const std::string& text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::numeric_limits<double>::quiet_NaN();
  const bool sign = !text.empty() && (text[0] == '-' || text[0] == '+');
  const std::string rest = text.substr(sign ? 1 : 0);
  if (rest != ".inf" && rest != ".Inf" && rest != ".INF") return std::nullopt;
  return text[0] == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

}  // namespace

const std::string& scalar_text(const Node& node, const char* expected) {
  if (!node.is_scalar()) {
    const char* got = node.is_map() ? "a map" : node.is_sequence() ? "a list" : "nothing";
    throw InputError("{}: expected {}, got {}", node.where(), expected, got);
  }
  return node.text();
}

double number_of(const Node& node) {
  const std::string& text = scalar_text(node, "a number");
  if (node.quoted()) wrong_type(node, "a number");
  if (const auto special = infinity_or_nan(text)) return *special;
  const auto value = is_decimal(text) ? decimal_number(text) : radix_number(text);
  if (!value) wrong_type(node, "a number");
  if (std::isinf(*value)) throw InputError("{}: {} is larger than any number that can be held", node.where(), text);
  return *value;
}

int64_t integer_of(const Node& node) {
  const double value = number_of(node);
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (value != std::floor(value) || std::abs(value) > kExact) wrong_type(node, "an integer");
  return static_cast<int64_t>(value);
}

bool boolean_of(const Node& node) {
  const std::string& text = scalar_text(node, "true or false");
  if (!node.quoted() && (text == "true" || text == "True" || text == "TRUE")) return true;
  if (!node.quoted() && (text == "false" || text == "False" || text == "FALSE")) return false;
  wrong_type(node, "true or false");
}

std::string number_text(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  return fmt::format("{}", value);
}

}  // namespace polytask
