#include <polytask/core/error.h>
#include <polytask/io/csv.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace polytask {
namespace {

// Digits with a point somewhere, of at most 15: a whole number below 2^53 over a power of ten that a double holds
// exactly, so that one division rounds correctly. What most tables hold, several times as fast as std::from_chars.
std::optional<double> parse_short(std::string_view text) {
  constexpr size_t kLongest = 16;
  constexpr std::array<double, kLongest> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  if (text.size() > kLongest) return std::nullopt;
  uint64_t digits = 0;
  size_t count = 0, decimals = 0;
  bool point = false;
  for (const char c : text) {
    const auto digit = static_cast<unsigned>(c - '0');
    if (digit <= 9) {
      digits = digits * 10 + digit;
      ++count;
      decimals += point ? 1 : 0;
    } else if (c == '.' && !point) {
      point = true;
    } else {
      return std::nullopt;
    }
  }
  if (count == 0 || count >= kLongest) return std::nullopt;
  return static_cast<double>(digits) / kPowers[decimals];
}

std::optional<double> parse_plain(std::string_view text) {
  if (const auto value = parse_short(text)) return value;
  const bool plus = !text.empty() && text[0] == '+';
  const char* start = text.data() + (plus ? 1 : 0);
  const char* last = text.data() + text.size();
  const char* digits = start + (!plus && start < last && *start == '-' ? 1 : 0);
  if (digits == last || !(*digits == '.' || (*digits >= '0' && *digits <= '9'))) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(start, last, value);
  if (end != last) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const bool tiny = text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos;
    return tiny ? std::optional<double>(0.0) : std::nullopt;
  }
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> parse_csv_number(std::string_view text, bool decimal_comma) {
  if (!decimal_comma) return parse_plain(text);
  if (text.find('.') != std::string_view::npos) return std::nullopt;
  std::string with_point(text);
  std::replace(with_point.begin(), with_point.end(), ',', '.');
  return parse_plain(with_point);
}

bool is_numeric_column(const std::vector<std::string>& values, bool decimal_comma) {
  return std::all_of(values.begin(), values.end(), [&](const std::string& value) {
    return value.empty() || parse_csv_number(value, decimal_comma).has_value();
  });
}

double csv_number(const std::string& value, bool decimal_comma, const std::string& where) {
  if (value.empty()) return std::numeric_limits<double>::quiet_NaN();
  if (const auto number = parse_csv_number(value, decimal_comma)) return *number;
  throw InputError("{}: \"{}\" is no number{}", where, value,
                   decimal_comma ? " (written with a decimal comma, as in 3,14)" : "");
}

}  // namespace polytask
