#include <polytask/balancing/combining/modo.h>

#include <balancing/combining_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace polytask {
namespace {

using testing::HasSubstr;

MakeCombiner with(const std::string& yaml) {
  return [yaml] { return std::make_unique<Modo>(options_of<ModoOptions>(yaml)); };
}

GradientRows three_batches(const RowList& a, const RowList& b, const RowList& c) {
  GradientRows rows = rows_of(a);
  rows.samples = {matrix_of(a), matrix_of(b), matrix_of(c)};
  return rows;
}

TEST(Modo, EachBatchHasItsPart) {
  const auto combiner = set_up(with("{gamma: 0.1, rho: 0.5}"), 2);
  EXPECT_EQ(combiner->needs().independent_batches, 3);
  EXPECT_FALSE(combiner->makes_direction());
  // G2ᵀλ = (1, 1.5), G1 of it = (1, 3); λ − 0.1 ((1, 3) + 0.5 λ) = (0.375, 0.175), and 0.225 more each.
  const auto got = combine(*combiner, three_batches({{1, 0}, {0, 2}}, {{2, 0}, {0, 3}}, {{1, 10}, {100, 1000}}));
  expect_close(got.weights.w, {0.6, 0.4});
  expect_close(got.direction, {40.6, 406});
  expect_close(numbers(combiner->state().at("lambda")), {0.6, 0.4});
}

TEST(Modo, ConventionsSelectTheDefaults) {
  const auto rows = three_batches({{1, 0}, {0, 2}}, {{2, 0}, {0, 3}}, {{1, 0}, {0, 1}});
  const auto difference = [&](const std::string& yaml, const GradientRows& first) {
    const auto combiner = set_up(with(yaml), 2);
    combine(*combiner, first);
    const auto w = combine(*combiner, rows).weights.w;
    return w[0] - w[1];
  };
  const auto expected = [](double gamma, double rho) {
    double gap = 0;
    for (int step = 0; step < 2; ++step) {
      const double a = (1 + gap) / 2, b = (1 - gap) / 2;
      gap -= gamma * (2 * a - 6 * b + rho * gap);
    }
    return gap;
  };
  EXPECT_NEAR(difference("{}", rows), expected(0.001, 0), 1e-14);
  EXPECT_NEAR(difference("{convention: libmtl}", rows), expected(0.001, 0.1), 1e-14);
  EXPECT_NEAR(difference("{convention: torchjd}", rows), expected(0.1, 0.1), 1e-14);
  EXPECT_NEAR(difference("{convention: torchjd, gamma: 0.01, rho: 2}", rows), expected(0.01, 2), 1e-14);
}

TEST(Modo, OneTaskIsPlainTraining) {
  EXPECT_EQ(combine(*set_up(with("{}"), 1), rows_of({{3, -1}}, {}, 3)).weights.w, (std::vector<double>{1}));
}

TEST(Modo, StaysFiniteAndKeepsFloat32) {
  expect_finite_whatever_comes(with("{convention: torchjd}"));
  expect_float_like_double(with("{convention: torchjd}"));
}

TEST(Modo, ResumesBitForBit) { expect_resumes(with("{convention: torchjd}")); }

TEST(Modo, AbsentTasksTakeNoPartAndKeepTheirState) {
  expect_absent_keep_state(with("{gamma: 0.01}"));
  expect_absent_take_no_part(with("{convention: torchjd}"));
}

TEST(Modo, AnAbsentTaskKeepsItsShare) {
  const auto combiner = set_up(with("{gamma: 0.1}"), 3);
  const auto got = combine(*combiner, of_tasks(rows_of({{1, 0}, {0, 2}}, {}, 3), {0, 2}, 3));
  expect_close(got.weights.w, {0.575, 0.425});  // of the two present, ½ each before
  expect_close(numbers(combiner->state().at("lambda")), {0.575 * 2 / 3, 1.0 / 3, 0.425 * 2 / 3});
}

TEST(Modo, SaysWhatDoesNotFit) {
  expect_refuses_representation(with("{}"));
  EXPECT_THAT(message_of<WorkError>([] {
                combine(*set_up(with("{}"), 2), rows_of({{1}, {2}}));
              }),
              HasSubstr("needs the gradients of 2 batches, and was given those of 1"));
  EXPECT_THAT(message_of<InputError>([] { with("{gamma: -1}")(); }), HasSubstr("≥ 0"));
}

RC_GTEST_PROP(ModoProperty, WeightsAreOnTheSimplexAndApproachTheMinNormPoint, ()) {
  const double angle = *rc::gen::inRange(95, 175) * 3.14159265358979 / 180;
  const double length = *rc::gen::inRange(1, 4);
  const auto rows = rows_of({{1, 0}, {length * std::cos(angle), length * std::sin(angle)}}, {}, 3);
  const auto combiner = set_up(with("{gamma: 0.05}"), 2);
  Combined got;
  for (int step = 0; step < 400; ++step) got = combine(*combiner, rows);
  RC_ASSERT(std::abs(got.weights.w[0] + got.weights.w[1] - 1) < 1e-12);
  const double dot = length * std::cos(angle);
  const double optimum = (length * length - dot) / (1 + length * length - 2 * dot);
  RC_ASSERT(std::abs(got.weights.w[0] - optimum) < 1e-6);
}

}  // namespace
}  // namespace polytask
