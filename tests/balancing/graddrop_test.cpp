#include <polytask/balancing/combining/graddrop.h>

#include <balancing/combining_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <torch/types.h>

namespace polytask {
namespace {

using testing::HasSubstr;

MakeCombiner with(const std::string& yaml) {
  return [yaml] { return std::make_unique<Graddrop>(options_of<GraddropOptions>(yaml)); };
}

// Columns: pure signs pass whatever is drawn; of 3 and −1 the purity is 3/4, of −3 and 1 it is 1/4.
TEST(Graddrop, PassesTheDrawnSignOfEveryColumn) {
  const auto combiner = set_up(with("{}"), 2);
  GivenUniforms draws({0.999, 0.001, 0.7, 0.8, 0.2, 0.3});
  const auto got = combine(*combiner, rows_of({{1, -1, 3, 3, -3, -3}, {2, -2, -1, -1, 1, 1}}), &draws);
  EXPECT_EQ(got.direction, (std::vector<double>{3, -3, 3, -1, 1, -3}));
  EXPECT_EQ(draws.names, (std::vector<std::string>{"graddrop/uniform"}));
  // Of the first row's squares 1 + 1 + 9 + 9 pass of 38, of the second's 4 + 4 + 1 + 1 of 12.
  EXPECT_NEAR(got.weights.w[0], (1.0 + 1 + 9 + 9) / (1 + 1 + 9 + 9 + 9 + 9), 1e-15);
  EXPECT_NEAR(got.weights.w[1], (4.0 + 4 + 1 + 1) / (4 + 4 + 1 + 1 + 1 + 1), 1e-15);
}

TEST(Graddrop, LeaksAShareOfEachTask) {
  const auto combiner = set_up(with("{leak: [0.25, 0.5]}"), 2);
  GivenUniforms draws({0.7, 0.8});
  const auto got = combine(*combiner, rows_of({{3, 3}, {-1, -1}}), &draws);
  EXPECT_EQ(got.direction, (std::vector<double>{3 - 0.5, 0.75 - 1}));
}

TEST(Graddrop, LeakOfAnAbsentTaskIsNotAnothers) {
  const auto combiner = set_up(with("{leak: [1, 0, 0.5]}"), 3);
  GivenUniforms draws({0.7, 0.8});
  const auto got = combine(*combiner, of_tasks(rows_of({{3, 3}, {-1, -1}}), {1, 2}, 3), &draws);
  EXPECT_EQ(got.direction, (std::vector<double>{3 - 0.5, -1}));
}

// Z [2, 2]; by the sign of Z, the tasks' sums of the first feature are 1·2 − 1·(−1) = 3 and −1, of the second 1 and 0.
TEST(Graddrop, SumsARepresentationOverItsSamples) {
  GradientRows rows = rows_of({{2, 1, -1, 5}, {-2, 7, -1, 7}});
  rows.representation = torch::tensor({{3.0, 0.5}, {-2.0, 0.0}}, torch::kDouble);
  GivenUniforms draws({0.8, 0.9});
  const auto got = combine(*set_up(with("{leak: 0.5}"), 2), rows, &draws);
  // First feature: purity 3/4 < 0.8, so the second task passes; second: both positive.
  EXPECT_EQ(got.direction, (std::vector<double>{1 - 2, 1 + 7, -0.5 - 1, 5 + 7}));
}

TEST(Graddrop, TorchjdTakesEveryEntryByItself) {
  GradientRows rows = rows_of({{2, 1, -1, 5}, {-2, 7, -1, 7}});
  rows.representation = torch::tensor({{3.0, 0.5}, {-2.0, 0.0}}, torch::kDouble);
  GivenUniforms draws({0.6, 0.9, 0.9, 0.9});
  EXPECT_EQ(combine(*set_up(with("{convention: torchjd}"), 2), rows, &draws).direction,
            (std::vector<double>{-2, 8, -2, 12}));
}

TEST(Graddrop, LibmtlsEpsilonBlursThePurityOfSmallGradients) {
  GivenUniforms draws({0.8});
  const auto rows = rows_of({{1e-7}, {0}});
  EXPECT_EQ(combine(*set_up(with("{}"), 2), rows, &draws).direction[0], 1e-7);
  EXPECT_EQ(combine(*set_up(with("{convention: libmtl}"), 2), rows, &draws).direction[0], 0);
  EXPECT_EQ(combine(*set_up(with("{convention: libmtl, epsilon: 0}"), 2), rows, &draws).direction[0], 1e-7);
}

TEST(Graddrop, OneTaskIsPlainTraining) {
  const auto got = combine(*set_up(with("{}"), 1), rows_of({{1, -2, 0, 1e-12}}));
  EXPECT_EQ(got.direction, (std::vector<double>{1, -2, 0, 1e-12}));
  EXPECT_EQ(got.weights.w, (std::vector<double>{1}));
}

TEST(Graddrop, ManyColumnsGoThroughEveryBlockAndThread) {
  const int64_t columns = 20011;
  at::manual_seed(1);
  GradientRows rows = rows_of({{0}, {0}, {0}});
  rows.samples = {torch::randn({3, columns}, torch::kFloat)};
  torch::Tensor u = torch::rand({columns}, torch::kDouble);
  GivenUniforms draws(numbers(u));
  const auto got = combine(*set_up(with("{leak: 0.25}"), 3), rows, &draws);
  const at::Tensor g = rows.samples[0].to(torch::kDouble);
  const at::Tensor purity = 0.5 * (1 + g.sum(0) / g.abs().sum(0));
  const at::Tensor mask = torch::where(g > 0, purity > u, purity < u).to(torch::kDouble);
  expect_close(got.direction, numbers((g * (0.25 + 0.75 * mask)).sum(0)), 1e-6);
}

TEST(Graddrop, StaysFiniteAndKeepsFloat32) {
  expect_finite_whatever_comes(with("{}"));
  expect_finite_whatever_comes(with("{convention: libmtl, leak: 0.1}"));
  expect_float_like_double(with("{leak: 0.1}"));
}

TEST(Graddrop, AbsentTasksTakeNoPart) { expect_absent_take_no_part(with("{leak: 0.2}")); }

TEST(Graddrop, ErrorsNameTheRemedy) {
  EXPECT_THAT(message_of<InputError>([] { set_up(with("{leak: [0.1, 0.2]}"), 3); }),
              HasSubstr("balancing.leak: 2 values for 3 tasks"));
  EXPECT_THAT(message_of<InputError>([] { with("{leak: 1.5}")(); }), HasSubstr("leak"));
  EXPECT_THAT(message_of<InputError>([] { with("{leak: []}")(); }), HasSubstr("the list is empty"));
  const auto combiner = set_up(with("{}"), 1);
  at::Tensor direction = torch::zeros({1}, torch::kDouble);
  EXPECT_THAT(message_of<WorkError>([&] { combiner->combine(rows_of({{1}}), LossState::of({1}), direction); }),
              HasSubstr("needs draws"));
}

RC_GTEST_PROP(GraddropProperty, LeakOfOneIsTheSumAndNoLeakKeepsOneSign, ()) {
  const auto tasks = *rc::gen::inRange(1, 8);
  const auto columns = *rc::gen::inRange(1, 40);
  const double scale = std::pow(10.0, *rc::gen::inRange(-10, 11));
  RowList rows;
  for (int t = 0; t < tasks; ++t) {
    rows.emplace_back();
    for (int c = 0; c < columns; ++c) rows.back().push_back(scale * *rc::gen::inRange(-3, 4));
  }
  const auto whole = combine(*set_up(with("{leak: 1}"), rows.size()), rows_of(rows)).direction;
  const auto some = combine(*set_up(with("{}"), rows.size()), rows_of(rows)).direction;
  for (size_t c = 0; c < whole.size(); ++c) {
    double sum = 0, positive = 0, negative = 0;
    for (const auto& row : rows) {
      sum += row[c];
      (row[c] > 0 ? positive : negative) += row[c];
    }
    const double slack = 1e-12 * scale;
    RC_ASSERT(std::abs(whole[c] - sum) <= slack);
    RC_ASSERT(std::abs(some[c] - positive) <= slack || std::abs(some[c] - negative) <= slack);
  }
}

}  // namespace
}  // namespace polytask
