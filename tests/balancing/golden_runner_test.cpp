#include <polytask/io/json.h>

#include <balancing/golden/runner.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <fstream>
#include <limits>
#include <string>

namespace polytask {
namespace {

// The runner itself: a result that is off, incomplete or not finite must fail.
class GoldenRunner : public testing::Test {
 protected:
  std::string verdict(const GoldenResult& result) const { return golden_verdict({case_}, result); }
  Node parsed(const std::string& text) const { return parse_json(text, "case"); }
  void set(const std::string& key, const std::string& json) { case_.set(key, parsed(json)); }

  Node case_ = parsed(R"({"id": "x", "method": "EW", "source": "LibMTL@1", "params": {"lr": 0.5}, "tolerance": 1e-6,
      "floor": {"direction": 0.5}, "expected": {"weights": [1.0, 2.0], "direction": [0.0], "nested": {"a": [[1], [2]]},
      "weights_reported_by_peer": [7.0], "decoder_grad_scale": [1.0]}})");
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

TEST_F(GoldenRunner, WhatHeadsGetNeedNotBeGivenButMustBeRight) {
  GoldenResult given = right_, wrong = right_;
  given["decoder_grad_scale"] = {1};
  wrong["decoder_grad_scale"] = {2};
  EXPECT_EQ(verdict(given), "");
  EXPECT_NE(verdict(wrong), "");
}

TEST_F(GoldenRunner, OfCagradTheDirectionDecides) {
  GoldenResult other_weights = right_, without = right_, off = right_;
  other_weights["weights"] = {5, 5};
  without.erase("weights");
  off["direction"] = {1};
  EXPECT_NE(verdict(other_weights), "");
  case_.set("method", Node::scalar_of("CAGrad"));
  EXPECT_EQ(verdict(other_weights), "");
  EXPECT_EQ(verdict(without), "");
  EXPECT_NE(verdict(off), "");
}

TEST_F(GoldenRunner, FragileCasesMustOnlyBeWholeAndFinite) {
  set("fragile", "true");
  GoldenResult off = right_, missing = right_, infinite = right_, longer = right_;
  off["weights"] = {8, -9};
  missing.erase("weights");
  infinite["direction"] = {std::numeric_limits<double>::infinity()};
  longer["weights"] = {1, 2, 3};
  EXPECT_EQ(verdict(off), "");
  EXPECT_NE(verdict(missing), "");
  EXPECT_NE(verdict(infinite), "");
  EXPECT_NE(verdict(longer), "");
}

TEST_F(GoldenRunner, RefusesUnknownMethodsAndRules) {
  EXPECT_NE(run_golden_case({case_}, {}), "");
  EXPECT_EQ(run_golden_case({case_}, {{"EW", [&](const GoldenCase&) { return right_; }}}), "");
  const auto throwing = [](const GoldenCase&) -> GoldenResult { throw InputError("{}", "no such thing"); };
  EXPECT_EQ(run_golden_case({case_}, {{"EW", throwing}}), "no such thing");
  set("accept", R"("anything")");
  EXPECT_NE(verdict(right_), "");
}

TEST_F(GoldenRunner, ReferenceTakesTheOptimumAndNotThePeer) {
  set("accept", R"("reference")");
  EXPECT_NE(verdict(right_), "") << "there is no optimum yet";
  set("reference_optimum", R"({"weights": [3.0, 4.0]})");
  EXPECT_NE(verdict(right_), "");
  GoldenResult best = right_, off = right_, missing = right_;
  best["weights"] = {3, 4.0003};
  off["weights"] = {3, 4.0005};
  missing = best;
  missing.erase("direction");
  EXPECT_EQ(verdict(best), "");
  EXPECT_NE(verdict(off), "");
  EXPECT_NE(verdict(missing), "") << "an optimum does not excuse missing keys";
}

TEST_F(GoldenRunner, EitherTakesBoth) {
  set("accept", R"("either")");
  set("reference_optimum", R"({"weights": [3.0, 4.0]})");
  GoldenResult best = right_, neither = right_;
  best["weights"] = {3, 4};
  neither["weights"] = {2, 3};
  EXPECT_EQ(verdict(right_), "");
  EXPECT_EQ(verdict(best), "");
  EXPECT_NE(verdict(neither), "");
}

TEST_F(GoldenRunner, DirectionsOfOptimaAreMeasuredByTheInputs) {
  set("accept", R"("reference")");
  set("grads", "[[1000.0], [0.0]]");
  set("reference_optimum", R"({"direction": [0.0]})");
  GoldenResult near = right_, off = right_;
  near["direction"] = {9e-5};
  off["direction"] = {2e-4};
  EXPECT_EQ(verdict(near), "");
  EXPECT_NE(verdict(off), "");
}

// Rows (2, 0) and (0, 1): the least norm is 4/5, at weights 1/5 and 4/5.
class GoldenLeastNorm : public GoldenRunner {
 protected:
  void SetUp() override {
    set("accept", R"("reference")");
    set("grads", "[[2.0, 0.0], [0.0, 1.0]]");
    set("expected", R"({"weights": [0.9, 0.1], "direction": [1.8, 0.1]})");
    set("reference_optimum", R"({"weights": [0.2, 0.8], "min_norm_sq": 0.8})");
  }
  static GoldenResult of(double a, double b) { return {{"weights", {a, b}}, {"direction", {2 * a, b}}}; }
};

TEST_F(GoldenLeastNorm, TakesAnyPointOfLeastNorm) {
  EXPECT_EQ(verdict(of(0.2, 0.8)), "");
  EXPECT_EQ(verdict(of(0.203, 0.797)), "");
  EXPECT_NE(verdict(of(0.21, 0.79)), "");
}

TEST_F(GoldenLeastNorm, RefusesWhatIsOffTheSimplexOrNotItsOwnDirection) {
  EXPECT_NE(verdict(of(0.2, 0.7)), "");
  set("grads", "[[2.0, 0.0], [2.0, 0.0]]");
  set("reference_optimum", R"({"min_norm_sq": 4.0})");
  EXPECT_NE(verdict({{"weights", {1.1, -0.1}}, {"direction", {2, 0}}}), "");
  EXPECT_EQ(verdict({{"weights", {0.9, 0.1}}, {"direction", {2, 0}}}), "");
  EXPECT_NE(verdict({{"weights", {0.9, 0.1}}, {"direction", {2.1, 0}}}), "");
}

TEST_F(GoldenLeastNorm, WeightsMaySumToT) {
  EXPECT_NE(verdict(of(0.4, 1.6)), "");
  set("params", R"({"weights_sum_to": "T"})");
  EXPECT_EQ(verdict(of(0.4, 1.6)), "");
  EXPECT_NE(verdict(of(0.2, 0.8)), "");
}

TEST_F(GoldenLeastNorm, RowsAreNormalisedFirst) {
  set("reference_optimum", R"({"min_norm_sq": 0.5})");
  const GoldenResult equal = {{"weights", {0.5, 0.5}}, {"direction", {0.5, 0.5}}};
  EXPECT_NE(verdict(equal), "");
  set("params", R"({"mgda_gn": "l2"})");
  EXPECT_EQ(verdict(equal), "");
  set("params", R"({"mgda_gn": "loss"})");
  set("losses", "[2.0, 1.0]");
  EXPECT_EQ(verdict(equal), "");
  set("params", R"({"mgda_gn": "loss+"})");
  set("losses", "[3.0, 3.0]");
  set("reference_optimum", R"({"min_norm_sq": 0.0555555555555})");
  EXPECT_EQ(verdict({{"weights", {0.5, 0.5}}, {"direction", {0.5 / 3, 0.5 / 3}}}), "");
}

TEST_F(GoldenRunner, ExclusionsAreByMethodSourceAndParameters) {
  const GoldenExclusion all = {"EW", "LibMTL", {}, "x"}, commit = {"EW", "LibMTL@1", {{"lr", "0.5"}}, "x"};
  const GoldenExclusion other = {"EW", "TorchJD", {}, "x"}, rate = {"EW", "LibMTL", {{"lr", "0.1"}}, "x"};
  EXPECT_TRUE(is_excluded({case_}, {all}));
  EXPECT_TRUE(is_excluded({case_}, {other, commit}));
  EXPECT_FALSE(is_excluded({case_}, {other, rate}));
  EXPECT_FALSE(is_excluded({case_}, {}));
}

TEST_F(GoldenRunner, CountsEveryCaseOfAFile) {
  const TemporaryDirectory folder;
  const auto file = folder.path() / "any name.json";
  std::ofstream(file)
      << R"([{"id": "a", "method": "EW", "source": "s", "params": {}, "tolerance": 0.1, "expected": {"loss": 1}},
      {"id": "a", "method": "EW", "source": "s", "params": {}, "tolerance": 0.1, "expected": {"loss": 2}},
      {"id": "b", "method": "unheard of", "source": "s", "params": {}, "tolerance": 0.1, "expected": {"loss": 1}}])";
  const GoldenMethods methods = {{"EW", [](const GoldenCase&) -> GoldenResult { return {{"loss", {1}}}; }}};
  const GoldenCounts counts = run_golden_file(file, methods);
  EXPECT_EQ(counts.run, 3);
  EXPECT_EQ(counts.failed, 2);
  EXPECT_EQ(counts.excluded, 0);
  EXPECT_EQ(counts.failures.size(), 2U);
}

}  // namespace
}  // namespace polytask
