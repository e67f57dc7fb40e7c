#pragma once
#include <cstdlib>
#include <filesystem>

namespace polytask {

/// Real data and golden numbers that tests may use where they exist: $POLYTASK_SHARED (default ../shared).
inline std::filesystem::path shared_path(const std::filesystem::path& below) {
  const char* set = std::getenv("POLYTASK_SHARED");
  return std::filesystem::path(set != nullptr ? set : "../shared") / below;
}

/// $POLYTASK_GOLDEN, or the golden folder of the shared data.
inline std::filesystem::path golden_path(const std::filesystem::path& below) {
  const char* set = std::getenv("POLYTASK_GOLDEN");
  return set != nullptr ? std::filesystem::path(set) / below : shared_path("golden") / below;
}

}  // namespace polytask
