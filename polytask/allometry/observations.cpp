#include <polytask/allometry/observations.h>
#include <polytask/core/options.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace polytask {

std::vector<std::pair<std::string, int64_t>> RowCounts::dropped(double min_height_m) const {
  return {{"genus missing", genus_missing},
          {"height missing or not finite", height_missing},
          {"biomass missing or not finite", biomass_missing},
          {"height not above 0", height_not_positive},
          {fmt::format("height below {} m", number_text(min_height_m)), height_below},
          {"biomass not above 0", biomass_not_positive}};
}

std::string RowCounts::text(double min_height_m) const {
  std::vector<std::string> reasons;
  for (const auto& [reason, count] : dropped(min_height_m))
    if (count > 0) reasons.push_back(fmt::format("{} {}", count, reason));
  return fmt::format("read {}, kept {}{}", read, kept,
                     reasons.empty() ? "" : fmt::format("; dropped: {}", fmt::join(reasons, ", ")));
}

double single_precision_threshold(double min_height_m) {
  return std::min(min_height_m, static_cast<double>(static_cast<float>(min_height_m)));
}

bool keep_row(const Observation& row, double min_height_m, RowCounts& counts) {
  ++counts.read;
  int64_t* reason = nullptr;
  if (row.genus < 0) {
    reason = &counts.genus_missing;
  } else if (!std::isfinite(row.height_m)) {
    reason = &counts.height_missing;
  } else if (!std::isfinite(row.biomass)) {
    reason = &counts.biomass_missing;
  } else if (row.height_m <= 0) {
    reason = &counts.height_not_positive;
  } else if (row.height_m < min_height_m) {
    reason = &counts.height_below;
  } else if (row.biomass <= 0) {
    reason = &counts.biomass_not_positive;
  }
  ++(reason != nullptr ? *reason : counts.kept);
  return reason == nullptr;
}

}  // namespace polytask
