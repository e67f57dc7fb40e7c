#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace polytask {

/// Writes `maps/index.html` into a run directory: for some test rows (validation rows, where there are none) the
/// picture's channels and, for every task with a label per pixel, what is true and what the best checkpoint predicts,
/// and the residuals of couplings. Truth and prediction have one scale. Rows that cannot be read are passed over.
/// Returns the page's path; nothing where the run has no such task, or no test or validation row that can be read.
std::optional<std::filesystem::path> write_map_page(const std::filesystem::path& run, int64_t samples = 6);

}  // namespace polytask
