// Compares models with reference outputs: every folder of $POLYTASK_GOLDEN/models that holds a model we have. Prints
// "NAME: N run, N failed, N excluded" for each, "not yet: NAME" for the others; exit status 1 where anything failed.
#include "models/case.h"
#include "models/compare.h"
#include "models/kinds.h"

#include <fmt/format.h>
#include <support/shared_data.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace polytask::golden {
namespace {

int64_t lacking_of(const Case& golden, const Kind& kind) {
  return kind.lacks ? std::count_if(golden.expected.begin(), golden.expected.end(),
                                    [&](const auto& tensor) { return kind.lacks(tensor.first); })
                    : 0;
}

// Whether the case passed, or is not ours to run.
bool run_folder(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  const Node description = read_json_file(folder / "case.json");
  const auto all = kinds();
  const auto kind = std::find_if(all.begin(), all.end(), [&](const Kind& k) { return k.fits(description); });
  if (kind == all.end()) {
    fmt::print("not yet: {}\n", name);
    return true;
  }
  std::vector<std::string> found;
  int64_t lacking = 0;
  try {
    const Case golden = read_case(folder);
    found = differences(golden, kind->run(golden), kind->lacks);
    lacking = lacking_of(golden, *kind);
  } catch (const std::exception& error) {
    found = {error.what()};
  }
  for (const auto& text : found) fmt::print("  {}\n", text);
  fmt::print("{}: 1 run, {} failed, 0 excluded\n", name, found.empty() ? 0 : 1);
  if (lacking > 0) fmt::print("  {} of its tensors not compared: of things that are not here\n", lacking);
  return found.empty();
}

int run_all() {
  const std::filesystem::path root = golden_path("models");
  if (!std::filesystem::is_directory(root)) {
    fmt::print("skipped: there is no folder {}\n", root.string());
    return 0;
  }
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root))
    if (std::filesystem::exists(entry.path() / "case.json")) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  bool passed = true;
  for (const auto& folder : folders) passed = run_folder(folder) && passed;
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace polytask::golden

int main() {
  try {
    return polytask::golden::run_all();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden_models: %s\n", error.what());
    return 1;
  }
}
