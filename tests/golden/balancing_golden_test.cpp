// Compares every balancing method with reference results: every *.json directly in $POLYTASK_GOLDEN/balancing
// (default $POLYTASK_SHARED/golden/balancing). Prints "NAME: N run, N failed, N excluded" for each.
#include <balancing/golden/combining_methods.h>
#include <balancing/golden/completed.h>
#include <balancing/golden/fairness_methods.h>
#include <balancing/golden/gram_methods.h>
#include <balancing/golden/loss_methods.h>
#include <balancing/golden/measure_methods.h>
#include <balancing/golden/min_norm_methods.h>
#include <balancing/golden/runner.h>
#include <balancing/golden/weighting_methods.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <support/shared_data.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace polytask {
namespace {

// Mean and Sum are a weighting of losses and one of gradients: the case has the one or the other.
GoldenMethods all_methods() {
  const GoldenMethods weightings = weighting_methods(), gradients = gram_methods();
  GoldenMethods all = merged({weightings, loss_methods(), gradients, fairness_methods(), combining_methods(),
                              min_norm_methods(), measure_methods()});
  for (const char* name : {"Mean", "Sum"})
    all[name] = [of_losses = weightings.at(name), of_rows = gradients.at(name)](const GoldenCase& one) {
      return one.has("grads") ? of_rows(one) : of_losses(one);
    };
  return completed(std::move(all));
}

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> files;
  const auto folder = golden_path("balancing");
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json" && entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class GoldenBalancing : public testing::TestWithParam<std::filesystem::path> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenBalancing);

TEST_P(GoldenBalancing, AgreesWithThePeer) {
  const GoldenCounts counts = run_golden_file(GetParam(), all_methods());
  fmt::print("{}: {} run, {} failed, {} excluded\n", GetParam().stem().string(), counts.run, counts.failed,
             counts.excluded);
  std::fflush(stdout);
  for (const auto& failure : counts.failures) ADD_FAILURE() << failure;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenBalancing, testing::ValuesIn(golden_files()), [](const auto& tested) {
  std::string name = tested.param.stem().string() + "_" + std::to_string(tested.index);
  for (char& letter : name)
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  return name;
});

TEST(GoldenFiles, AreThere) {
  if (golden_files().empty()) GTEST_SKIP() << "there are no golden files in " << golden_path("balancing").string();
}

// At most one case in a hundred may be excluded, each for a reason.
TEST(GoldenFiles, FewAreExcluded) {
  int64_t cases = 0, excluded = 0;
  for (const auto& file : golden_files()) {
    const Node list = read_json_file(file);
    for (const Node& node : list.items()) {
      ++cases;
      excluded += is_excluded({node}) ? 1 : 0;
    }
  }
  EXPECT_LE(100 * excluded, cases);
  for (const auto& exclusion : golden_exclusions()) EXPECT_NE(exclusion.reason, "") << exclusion.method;
}

}  // namespace
}  // namespace polytask
