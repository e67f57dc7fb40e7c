#include <balancing/gram_weighting_support.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace polytask {
namespace {

const std::vector<std::string>& sections() {
  static const std::vector<std::string> list = {
      "{method: mean}",
      "{method: sum}",
      "{method: pcgrad}",
      "{method: pcgrad, convention: libmtl}",
      "{method: pcgrad, convention: samsung}",
      "{method: gradvac}",
      "{method: gradvac, convention: libmtl}",
      "{method: gradvac, convention: samsung, beta: 1}",
      "{method: aligned}",
      "{method: aligned, scale_mode: median}",
      "{method: aligned, scale_mode: rmse, convention: torchjd, precision: float32}",
      "{method: imtl_g}",
      "{method: imtl_g, convention: libmtl}",
      "{method: imtl_g, convention: nash}",
      "{method: imtl_g, convention: torchjd}",
      "{method: imtl}",
      "{method: config}",
      "{method: krum}",
      "{method: gradnorm}",
      "{method: gradnorm, convention: libmtl, initial: first}",
      "{method: gradnorm, convention: samsung}",
      "{method: crmogm, inner: {method: aligned}}",
  };
  return list;
}

RC_GTEST_PROP(GramWeightings, GiveFiniteWeightsWhateverTheRows, ()) {
  const RowsCase given = any_rows();
  show_rows(given);
  const Rows rows = make_rows(given);
  const std::string section = *rc::gen::elementOf(sections());
  RC_LOG() << section << "\n";
  GramMethod method(section, rows.size(), given.seed);
  for (int step = 0; step < 2; ++step) {
    const GramWeights got = method.weigh(rows);
    RC_ASSERT(got.w.size() == rows.size());
    for (double w : got.w) RC_ASSERT(std::isfinite(w));
    for (const auto& [name, values] : got.shown) RC_ASSERT(values.size() == rows.size());
    method.weighting().after_step(LossState::of(std::vector<double>(rows.size(), 1.0)));
  }
}

RC_GTEST_PROP(GramWeightings, SymmetricFormulasFollowAPermutationOfTheTasks, ()) {
  const auto tasks = *rc::gen::inRange<size_t>(1, 9);
  const auto seed = *rc::gen::inRange<uint64_t>(0, 100000);
  const std::string section =
      *rc::gen::element<std::string>("{method: mean}", "{method: aligned}", "{method: aligned, scale_mode: rmse}",
                                     "{method: imtl_g}", "{method: imtl_g, convention: libmtl}", "{method: imtl}",
                                     "{method: config}", "{method: krum}", "{method: gradnorm}");
  if (section == "{method: krum}") RC_PRE(tasks >= 4);  // of fewer, the two nearest have the same score
  const Rows rows = independent_rows(tasks, 12, seed);
  const auto order = Random(seed).permutation(static_cast<int64_t>(tasks));
  Rows permuted;
  for (int64_t row : order) permuted.push_back(rows[static_cast<size_t>(row)]);
  const auto w = GramMethod(section, tasks).weigh(rows).w, w_permuted = GramMethod(section, tasks).weigh(permuted).w;
  for (size_t i = 0; i < tasks; ++i)
    RC_ASSERT(std::abs(w_permuted[i] - w[static_cast<size_t>(order[i])]) <= 1e-6 * (1 + std::abs(w_permuted[i])));
}

RC_GTEST_PROP(GramWeightings, ScalingTheGradientsScalesTheStep, ()) {
  const auto tasks = *rc::gen::inRange<size_t>(1, 9);
  const auto seed = *rc::gen::inRange<uint64_t>(0, 100000);
  const double scale = std::pow(10.0, *rc::gen::element(-10.0, -3.0, 10.0));
  const std::string section =
      *rc::gen::element<std::string>("{method: mean}", "{method: sum}", "{method: pcgrad}", "{method: gradvac}",
                                     "{method: aligned}", "{method: imtl_g}", "{method: config}", "{method: krum}");
  const Rows rows = independent_rows(tasks, 12, seed);
  Rows scaled = rows;
  for (auto& row : scaled)
    for (double& value : row) value *= scale;
  const auto w = GramMethod(section, tasks).weigh(rows).w, w_scaled = GramMethod(section, tasks).weigh(scaled).w;
  for (size_t i = 0; i < tasks; ++i) RC_ASSERT(std::abs(w_scaled[i] - w[i]) <= 1e-6 * (1 + std::abs(w[i])));
}

// d(diag(c) G) is linear in c.
RC_GTEST_PROP(GramWeightings, MeanSumAndConfigAreLinearUnderScalingOfRows, ()) {
  const auto tasks = *rc::gen::inRange<size_t>(1, 7);
  const auto seed = *rc::gen::inRange<uint64_t>(0, 100000);
  const std::string section = *rc::gen::element<std::string>("{method: mean}", "{method: sum}", "{method: config}");
  const Rows rows = independent_rows(tasks, 10, seed);
  Random random(seed, "scales");
  std::vector<double> total(10, 0.0), of_sum;
  std::vector<double> sums(tasks, 0.0);
  const auto step = [&](const std::vector<double>& scales) {
    Rows scaled = rows;
    for (size_t t = 0; t < tasks; ++t)
      for (double& value : scaled[t]) value *= scales[t];
    return combined(scaled, GramMethod(section, tasks).weigh(scaled).w);
  };
  for (int part = 0; part < 2; ++part) {
    std::vector<double> scales;
    for (size_t t = 0; t < tasks; ++t) scales.push_back(std::exp(2 * random.normal()));
    for (size_t t = 0; t < tasks; ++t) sums[t] += scales[t];
    const auto one = step(scales);
    for (size_t p = 0; p < total.size(); ++p) total[p] += one[p];
  }
  of_sum = step(sums);
  for (size_t p = 0; p < total.size(); ++p) RC_ASSERT(std::abs(of_sum[p] - total[p]) <= 1e-6 * length_of(total));
}

TEST(GramWeightings, OneTaskIsPlainTraining) {
  for (const auto& section : sections()) {
    GramMethod method(section, 1);
    EXPECT_NEAR(method.weigh({{0.3, -2.0}}).w.at(0), 1, 1e-12) << section;
  }
}

TEST(GramWeightings, EqualGradientsArePlainTrainingUpToScale) {
  for (const auto& section : sections()) {
    GramMethod method(section, 3);
    const auto w = method.weigh({{0.3, -2.0, 1.0}, {0.3, -2.0, 1.0}, {0.3, -2.0, 1.0}}).w;
    EXPECT_GT(w[0] + w[1] + w[2], 0.5) << section;
    // krum takes one of them, nash's ridge the first
    if (section.find("krum") == std::string::npos && section.find("nash") == std::string::npos)
      EXPECT_NEAR(w[0], w[2], 1e-6) << section;
  }
}

// Rows of the tasks present give what a method that knows only those gives; what it keeps for the absent one stays.
TEST(GramWeightings, AbsentTasksTakeNoPart) {
  const Rows rows = independent_rows(3, 8, 5);
  for (const auto& section : sections()) {
    GramMethod some(section, 4, 3), alone(section, 3, 3);
    const auto got = some.weigh(rows, {1, 2, 3}, {0, 1, 3}, 4), expected = alone.weigh(rows, {1, 2, 3});
    expect_same(got.w, expected.w, 1e-12);
  }
}

TEST(GramWeightings, WhatIsSavedGoesOnBitForBit) {
  for (const auto& section : sections()) {
    GramMethod straight(section, 3), saved(section, 3);
    for (uint64_t step = 0; step < 3; ++step) {
      straight.weigh(independent_rows(3, 8, step), {1.0, 2.0, 0.5 + static_cast<double>(step)});
      saved.weigh(independent_rows(3, 8, step), {1.0, 2.0, 0.5 + static_cast<double>(step)});
    }
    GramMethod resumed(section, 3);
    resumed.weighting().load_state(saved.weighting().state());
    Random orders(9), same_orders(9);
    StreamDraws draws(orders), same_draws(same_orders);
    const GramState gram = GramState::of(independent_rows(3, 8, 77), {0.1, 0.2, 0.3});
    LossState state = LossState::of({0.1, 0.2, 0.3}), same = state;
    state.draws = &draws;
    same.draws = &same_draws;
    EXPECT_EQ(straight.weighting().weigh(gram, state).w, resumed.weighting().weigh(gram, same).w) << section;
  }
}

}  // namespace
}  // namespace polytask
