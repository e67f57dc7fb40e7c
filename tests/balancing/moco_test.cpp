#include <polytask/balancing/combining/moco.h>

#include <balancing/combining_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace polytask {
namespace {

MakeCombiner with(const std::string& yaml) {
  return [yaml] { return std::make_unique<Moco>(options_of<MocoOptions>(yaml)); };
}

// Orthogonal rows, so that Y Yᵀ is diagonal. β = ½, γ = 0.1, both constant.
TEST(Moco, TracksGradientsAndProjectsLambda) {
  const auto combiner = set_up(with("{beta: 0.5, beta_sigma: 0, gamma: 0.1, gamma_sigma: 0}"), 2);
  const auto rows = rows_of({{4, 0}, {0, 2}});
  // y = (2, 0), (0, 1); λ = (½, ½) − 0.1 (2, ½) = (0.3, 0.45), and 0.125 more each on the simplex.
  const auto first = combine(*combiner, rows);
  expect_close(first.weights.shown.at("lambda"), {0.425, 0.575});
  expect_close(first.direction, {0.85, 0.575});
  expect_close(first.weights.w, {0.2125, 0.2875});
  // y = (3, 0), (0, 1.5); the slope is 9 · 0.425 and 2.25 · 0.575.
  const double a = 0.425 - 0.1 * 9 * 0.425, b = 0.575 - 0.1 * 2.25 * 0.575, shift = (1 - a - b) / 2;
  const auto second = combine(*combiner, rows);
  expect_close(second.direction, {3 * (a + shift), 1.5 * (b + shift)});
  expect_close(numbers(combiner->state().at("y")), {3, 0, 0, 1.5});
  EXPECT_EQ(combiner->state().at("step").item<int64_t>(), 2);
}

TEST(Moco, RatesFallWithTheStep) {
  const auto combiner = set_up(with("{beta: 0.5, beta_sigma: 1, gamma: 0}"), 1);
  combine(*combiner, rows_of({{8}}));                                        // y = 4
  EXPECT_DOUBLE_EQ(combine(*combiner, rows_of({{8}})).direction[0], 5);      // β = ¼
  EXPECT_NEAR(combine(*combiner, rows_of({{8}})).direction[0], 5.5, 1e-14);  // β = 1/6
}

TEST(Moco, LibmtlScalesGradientsToTheirLossAndTakesASoftmax) {
  const auto combiner = set_up(with("{convention: libmtl, gamma: 2, rho: 0.5}"), 2);
  const auto got = combine(*combiner, rows_of({{3, 0}, {0, 7}}, {4, 2}));
  const double c = 4 / (3 + 1e-8), d = 2 / (7 + 1e-8), y0 = 0.5 * c * 3, y1 = 0.5 * d * 7;
  const double u0 = 0.5 - 2 * (y0 * y0 + 0.5) * 0.5, u1 = 0.5 - 2 * (y1 * y1 + 0.5) * 0.5;
  const double lambda = 1 / (1 + std::exp(u1 - u0));
  expect_close(got.weights.shown.at("lambda"), {lambda, 1 - lambda});
  expect_close(got.direction, {lambda * y0, (1 - lambda) * y1});
  expect_close(got.weights.w, {lambda * 0.5 * c, (1 - lambda) * 0.5 * d});
}

TEST(Moco, OptionsWinOverTheConvention) {
  const auto combiner = set_up(with("{convention: libmtl, normalize: none, projection: simplex, gamma: 0}"), 1);
  EXPECT_EQ(combine(*combiner, rows_of({{3}}, {10})).direction[0], 1.5);
}

TEST(Moco, LongRowsAreTrackedInFloat32Too) { expect_float_like_double(with("{}")); }

TEST(Moco, StaysFinite) {
  expect_finite_whatever_comes(with("{}"));
  expect_finite_whatever_comes(with("{convention: libmtl}"));
}

TEST(Moco, ResumesBitForBit) {
  expect_resumes(with("{}"));
  expect_resumes(with("{convention: libmtl}"));
}

TEST(Moco, AbsentTasksTakeNoPartAndKeepTheirState) {
  expect_absent_keep_state(with("{}"));
  expect_absent_keep_state(with("{convention: libmtl}"));
  expect_absent_take_no_part(with("{}"));
}

TEST(Moco, SaysWhatDoesNotFit) {
  expect_refuses_other_columns(with("{}"));
  expect_refuses_representation(with("{}"));
  const auto combiner = set_up(with("{}"), 3);
  EXPECT_THAT(message_of<WorkError>([&] { combiner->load_state(set_up(with("{}"), 2)->state()); }),
              testing::HasSubstr("those of 2 tasks, not of 3"));
  EXPECT_THAT(message_of<WorkError>([&] { combiner->load_state({}); }), testing::HasSubstr("has no \"lambda\""));
}

RC_GTEST_PROP(MocoProperty, LambdaStaysOnTheSimplexAndTheOrderOfTasksDoesNotMatter, ()) {
  const auto tasks = static_cast<size_t>(*rc::gen::inRange(1, 7));
  const double scale = std::pow(10.0, *rc::gen::inRange(-10, 11));
  const bool libmtl = *rc::gen::arbitrary<bool>();
  const std::string yaml = libmtl ? "{convention: libmtl}" : "{}";
  RowList rows(tasks, std::vector<double>(4));
  for (auto& row : rows)
    for (double& value : row) value = scale * *rc::gen::inRange(-9, 10);
  RowList reversed(rows.rbegin(), rows.rend());
  const auto combiner = set_up(with(yaml), tasks), other = set_up(with(yaml), tasks);
  for (int step = 0; step < 3; ++step) {
    const auto got = combine(*combiner, rows_of(rows)), turned = combine(*other, rows_of(reversed));
    const auto& lambda = got.weights.shown.at("lambda");
    double sum = 0;
    for (size_t t = 0; t < tasks; ++t) {
      sum += lambda[t];
      RC_ASSERT(lambda[t] >= 0);
    }
    RC_ASSERT(std::abs(sum - 1) < 1e-12);
    if (scale > 1) continue;  // great slopes make λ a matter of rounding
    for (size_t t = 0; t < tasks; ++t)
      RC_ASSERT(std::abs(lambda[t] - turned.weights.shown.at("lambda")[tasks - 1 - t]) < 1e-9);
  }
}

}  // namespace
}  // namespace polytask
