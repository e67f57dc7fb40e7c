#include <polytask/io/json.h>

#include <balancing/golden_runner.h>
#include <balancing/golden_weighting.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <support/shared_data.h>

#include <filesystem>
#include <limits>
#include <string>

namespace polytask {
namespace {

class GoldenWeightings : public testing::TestWithParam<std::string> {};

TEST_P(GoldenWeightings, AgreeWithThePeer) {
  const auto file = golden_path("balancing") / (GetParam() + ".json");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not here";
  const GoldenCounts counts = run_golden_file(file, weighting_methods());
  fmt::print("{}: {} run, {} failed, {} excluded\n", GetParam(), counts.run, counts.failed, counts.excluded);
  EXPECT_GT(counts.run, 0);
  for (const auto& failure : counts.failures) ADD_FAILURE() << failure;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenWeightings,
                         testing::Values("EW.libmtl", "GLS.libmtl", "RLW.libmtl", "RLW.torchjd", "UW.libmtl",
                                         "UW.torchjd", "UW_variants.misc", "ScaleInvariantLS.nashrepo",
                                         "Constant.torchjd", "Mean.torchjd", "Sum.torchjd", "scalarizers.torchjd"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           for (char& letter : name)
                             if (letter == '.') letter = '_';
                           return name;
                         });

// The runner itself: a result that is off, incomplete or not finite must fail.
class GoldenRunner : public testing::Test {
 protected:
  std::string verdict(const GoldenResult& result) const { return golden_verdict({case_}, result); }
  Node case_ = parse_json(R"({"id": "x", "method": "EW", "source": "LibMTL@1", "params": {}, "tolerance": 1e-6,
      "floor": {"direction": 0.5}, "expected": {"weights": [1.0, 2.0], "direction": [0.0], "nested": {"a": [[1], [2]]},
      "weights_reported_by_peer": [7.0], "decoder_grad_scale": [1.0]}})",
                          "case");
  const GoldenResult right_ = {{"weights", {1, 2}}, {"direction", {0}}, {"nested/a", {1, 2}}};
};

TEST_F(GoldenRunner, TakesTheRightResult) { EXPECT_EQ(verdict(right_), ""); }

TEST_F(GoldenRunner, RefusesWhatIsOffMissingOrNotFinite) {
  GoldenResult off = right_, near = right_, missing = right_, infinite = right_, longer = right_;
  off["weights"] = {1, 2.000003};
  near["weights"] = {1, 2.000001};
  missing.erase("nested/a");
  infinite["weights"] = {1, std::numeric_limits<double>::quiet_NaN()};
  longer["weights"] = {1, 2, 3};
  EXPECT_NE(verdict(off), "");
  EXPECT_EQ(verdict(near), "");
  EXPECT_NE(verdict(missing), "");
  EXPECT_NE(verdict(infinite), "");
  EXPECT_NE(verdict(longer), "");
}

TEST_F(GoldenRunner, FloorsAreByKey) {
  GoldenResult near = right_, off = right_;
  near["direction"] = {4e-7};
  off["direction"] = {6e-7};
  EXPECT_EQ(verdict(near), "");
  EXPECT_NE(verdict(off), "");
}

TEST_F(GoldenRunner, RefusesUnknownMethodsAndRules) {
  EXPECT_NE(run_golden_case({case_}, {}), "");
  case_.set("accept", Node::scalar_of("either"));
  EXPECT_NE(verdict(right_), "");
}

}  // namespace
}  // namespace polytask
