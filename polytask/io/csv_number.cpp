#include <polytask/core/error.h>
#include <polytask/io/csv.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace polytask {
namespace {

std::optional<double> parse_plain(std::string_view text) {
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
