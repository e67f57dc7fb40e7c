// Compares fits and the loss of the allometry with reference numbers: every file of every folder of
// $POLYTASK_GOLDEN/allometry. Prints "FOLDER/FILE: N run, N failed, N excluded" for each, with the reasons; exit status
// 1 where anything failed, or where a file is not known to this runner.
#include "allometry/checks.h"

#include <polytask/core/progress.h>

#include <fmt/format.h>
#include <support/shared_data.h>

#include <algorithm>
#include <cstdio>
#include <exception>

namespace polytask::golden {
namespace {

namespace fs = std::filesystem;

void check_file(const fs::path& file, Trees& trees, Checks& checks) {
  const std::string name = file.filename().string();
  if (name == "ols_by_genus.json") return check_least_squares(read_json_file(file), trees, checks);
  if (name == "ols_by_genus.csv") return check_least_squares_table(file, trees, checks);
  if (name == "lme4_random_slope.json") return check_random_slopes(read_json_file(file), trees, checks);
  if (name == "lme4_centring_sensitivity.csv") return check_centring(file, trees, checks);
  if (name == "closed_form_and_em.json") return check_expectation_maximisation(read_json_file(file), trees, checks);
  if (name == "compare_forms.json") return check_forms(read_json_file(file), trees, checks);
  if (name == "allometry_loss.json") return check_loss(read_json_file(file), checks);
  checks.fail("a file that this runner does not know");
}

bool run_file(const fs::path& file, Trees& trees) {
  Checks checks;
  try {
    check_file(file, trees, checks);
  } catch (const std::exception& error) {
    checks.fail(error.what());
  }
  constexpr size_t kShown = 20;
  for (size_t i = 0; i < std::min(checks.failures.size(), kShown); ++i) fmt::print("  {}\n", checks.failures[i]);
  for (const auto& text : checks.excluded) fmt::print("  excluded: {}\n", text);
  fmt::print("{}/{}: {} run, {} failed, {} excluded\n", file.parent_path().filename().string(),
             file.filename().string(), checks.run, checks.failures.size(), checks.excluded.size());
  return checks.failures.empty();
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

int run_all() {
  const fs::path root = golden_path("allometry");
  if (!fs::is_directory(root)) {
    fmt::print("skipped: there is no folder {}\n", root.string());
    return 0;
  }
  set_progress_enabled(false);
  bool passed = true;
  for (const auto& folder : sorted_entries(root)) {
    if (!fs::is_directory(folder)) continue;
    Trees trees(folder);
    for (const auto& file : sorted_entries(folder))
      if (file.filename() != "allometry.csv") passed = run_file(file, trees) && passed;
  }
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace polytask::golden

int main() {
  try {
    return polytask::golden::run_all();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden_allometry: %s\n", error.what());
    return 1;
  }
}
