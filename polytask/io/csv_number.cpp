#include <polytask/core/error.h>
#include <polytask/io/csv.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace polytask {
namespace {

// Decimal digits with at most one point and an exponent: no "inf", no "nan", no "0x10", no thousands separators.
std::optional<double> parse_number(std::string text, bool decimal_comma) {
  if (decimal_comma && text.find('.') != std::string::npos) return std::nullopt;
  if (decimal_comma) std::replace(text.begin(), text.end(), ',', '.');
  const bool plus = !text.empty() && text[0] == '+';
  const char* start = text.data() + (plus ? 1 : 0);
  const char* last = text.data() + text.size();
  const char* digits = start + (!plus && start < last && *start == '-' ? 1 : 0);
  if (digits == last || !(*digits == '.' || (*digits >= '0' && *digits <= '9'))) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(start, last, value);
  if (end != last) return std::nullopt;
  const bool tiny = text.find("e-") != std::string::npos || text.find("E-") != std::string::npos;
  if (error == std::errc::result_out_of_range && tiny) return 0.0;
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

bool is_numeric_column(const std::vector<std::string>& values, bool decimal_comma) {
  return std::all_of(values.begin(), values.end(), [&](const std::string& value) {
    return value.empty() || parse_number(value, decimal_comma).has_value();
  });
}

double csv_number(const std::string& value, bool decimal_comma, const std::string& where) {
  if (value.empty()) return std::numeric_limits<double>::quiet_NaN();
  if (const auto number = parse_number(value, decimal_comma)) return *number;
  throw InputError("{}: \"{}\" is no number{}", where, value,
                   decimal_comma ? " (written with a decimal comma, as in 3,14)" : "");
}

}  // namespace polytask
