#include <polytask/nn/level_text.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace polytask {

std::string level_text(const Level& level) {
  if (!level.spatial()) return fmt::format("{} (vector of {})", level.name, level.channels);
  return fmt::format("{} ({} channels, stride {})", level.name, level.channels, level.stride);
}

std::string levels_text(const std::vector<Level>& levels) {
  std::vector<std::string> texts;
  for (const auto& level : levels) texts.push_back(level_text(level));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace polytask
