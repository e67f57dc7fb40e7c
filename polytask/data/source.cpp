#include <polytask/core/error.h>
#include <polytask/data/source.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace polytask {

bool Column::missing(int64_t row) const {
  const auto at = static_cast<size_t>(row);
  return numeric ? std::isnan(numbers[at]) : texts[at].empty();
}

std::string Column::label(int64_t row) const {
  const auto at = static_cast<size_t>(row);
  if (!numeric) return texts[at];
  const double value = numbers[at];
  if (std::isnan(value)) return "";
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (value == std::floor(value) && std::abs(value) <= kExact) return fmt::format("{}", static_cast<int64_t>(value));
  return number_text(value);
}

at::Tensor Source::read_layer(int64_t layer, c10::ArrayRef<int64_t>) const {
  throw WorkError("this source has no layer {}", layer);
}

const InputSpec* OpenRequest::expected(const std::string& name) const {
  const auto found = std::find_if(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

}  // namespace polytask
