#include <polytask/balancing/combining/excess.h>

#include <balancing/combining_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

MakeCombiner with(const std::string& yaml) {
  return [yaml] { return std::make_unique<Excess>(options_of<ExcessOptions>(yaml)); };
}

double risk(double g, double s) { return g * g / std::sqrt(s + 1e-7); }

std::vector<double> scaled_to(std::vector<double> w, double sum) {
  double whole = 0;
  for (double value : w) whole += value;
  for (double& value : w) value *= sum / whole;
  return w;
}

TEST(Excess, PaperKeepsTheFirstWeightsAndMovesByRelativeRisks) {
  const auto combiner = set_up(with("{eta: 0.5}"), 2);
  EXPECT_FALSE(combiner->makes_direction());
  EXPECT_EQ(combiner->heads(), HeadGradient::weighted);
  const auto first = combine(*combiner, rows_of({{3, 0}, {0, 1}}));
  EXPECT_EQ(first.weights.w, (std::vector<double>{0.5, 0.5}));
  expect_close(first.direction, {1.5, 0.5});
  const double a0 = risk(3, 9), b0 = risk(1, 1);
  expect_close(first.weights.shown.at("excess"), {a0, b0});
  const double a = risk(1, 10), b = risk(2, 5);
  const auto expected = scaled_to({std::exp(0.5 * a / a0), std::exp(0.5 * b / b0)}, 1);
  expect_close(combine(*combiner, rows_of({{1, 0}, {0, 2}})).weights.w, expected);
  expect_close(numbers(combiner->state().at("S")), {10, 0, 0, 5});
  expect_close(numbers(combiner->state().at("e0")), {a0, b0});
}

TEST(Excess, LibmtlsWeightsSumToTheNumberOfTasks) {
  const auto paper = set_up(with("{}"), 3), libmtl = set_up(with("{convention: libmtl}"), 3);
  EXPECT_EQ(combine(*libmtl, varied_rows(0, 1)).weights.w, (std::vector<double>{1, 1, 1}));
  combine(*paper, varied_rows(0, 1));
  auto w = combine(*paper, varied_rows(1, 1)).weights.w;
  for (double& value : w) value *= 3;
  expect_close(combine(*libmtl, varied_rows(1, 1)).weights.w, w);
}

TEST(Excess, TorchjdMovesAtOnceByTheRiskItself) {
  const auto combiner = set_up(with("{convention: torchjd}"), 2);
  const double a0 = risk(3, 9), b0 = risk(1, 1);
  const auto first = scaled_to({std::exp(a0), std::exp(b0)}, 1);
  expect_close(combine(*combiner, rows_of({{3, 0}, {0, 1}})).weights.w, first);
  const double a = risk(1, 10) / (a0 + 1e-7), b = risk(2, 5) / (b0 + 1e-7);
  expect_close(combine(*combiner, rows_of({{1, 0}, {0, 2}})).weights.w,
               scaled_to({first[0] * std::exp(a), first[1] * std::exp(b)}, 1));
}

TEST(Excess, AWarmUpAveragesTheInitialRisk) {
  const auto combiner = set_up(with("{eta: 1, warmup: 2}"), 2);
  const RowList rows = {{3, 0}, {0, 1}};
  EXPECT_EQ(combine(*combiner, rows_of(rows)).weights.w, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(combine(*combiner, rows_of(rows)).weights.w, (std::vector<double>{0.5, 0.5}));
  const double a0 = (risk(3, 9) + risk(3, 18)) / 2, b0 = (risk(1, 1) + risk(1, 2)) / 2;
  expect_close(combine(*combiner, rows_of(rows)).weights.w,
               scaled_to({std::exp(risk(3, 27) / a0), std::exp(risk(1, 3) / b0)}, 1));
}

TEST(Excess, AbsentTasksKeepTheirStateAndTheOthersTheirSum) {
  expect_absent_keep_state(with("{eta: 0.5}"));
  expect_absent_keep_state(with("{convention: torchjd}"));
  const auto combiner = set_up(with("{convention: libmtl, eta: 0.5}"), 3);
  combine(*combiner, varied_rows(0, 1));
  GradientRows rows = varied_rows(1, 1);
  rows.samples[0] = rows.samples[0].narrow(0, 1, 2).contiguous();
  rows.losses = {1, 1};
  const auto w = combine(*combiner, of_tasks(rows, {1, 2}, 3)).weights.w;
  EXPECT_NEAR(w[0] + w[1], 2, 1e-12);
  EXPECT_GT(std::abs(w[0] - w[1]), 1e-3);
}

TEST(Excess, ATaskThatComesLaterStartsThen) {
  const auto combiner = set_up(with("{eta: 0.5}"), 2);
  for (int step = 0; step < 3; ++step) combine(*combiner, of_tasks(rows_of({{2, 0}}), {0}, 2));
  const auto w = combine(*combiner, rows_of({{2, 0}, {0, 7}})).weights.w;
  const double factor = std::exp(0.5 * risk(2, 16) / risk(2, 4));
  expect_close(w, {factor / (1 + factor), 1 / (1 + factor)});
}

TEST(Excess, OneTaskIsPlainTraining) {
  const auto combiner = set_up(with("{convention: torchjd}"), 1);
  for (int step = 0; step < 3; ++step) expect_close(combine(*combiner, rows_of({{2, 1e5}})).weights.w, {1});
}

TEST(Excess, ManyColumnsAreSummedInChunks) {
  GradientRows rows = rows_of({{0}, {0}});
  rows.samples = {torch::ones({2, 40001}, torch::kFloat)};
  const auto got = combine(*set_up(with("{}"), 2), rows);
  EXPECT_NEAR(got.weights.shown.at("excess")[1] / 40001, 1, 1e-6);
}

TEST(Excess, StaysFiniteAndKeepsFloat32) {
  expect_finite_whatever_comes(with("{}"));
  expect_finite_whatever_comes(with("{convention: libmtl}"));
  expect_finite_whatever_comes(with("{convention: torchjd}"));
  expect_finite_whatever_comes(with("{convention: torchjd, warmup: 2}"));
  expect_float_like_double(with("{}"));
}

TEST(Excess, ResumesBitForBit) {
  expect_resumes(with("{}"));
  expect_resumes(with("{convention: torchjd, warmup: 4}"));
}

TEST(Excess, SaysWhatDoesNotFit) {
  expect_refuses_other_columns(with("{}"));
  expect_refuses_representation(with("{}"));
  EXPECT_THAT(message_of<WorkError>([] { set_up(with("{}"), 3)->load_state(set_up(with("{}"), 2)->state()); }),
              HasSubstr("those of 2 tasks, not of 3"));
  EXPECT_THAT(message_of<InputError>([] { with("{warmup: -1}")(); }), HasSubstr("warmup"));
}

RC_GTEST_PROP(ExcessProperty, WeightsKeepTheirSumAndFollowTheOrderOfTheTasks, ()) {
  const auto tasks = static_cast<size_t>(*rc::gen::inRange(1, 7));
  const double scale = std::pow(10.0, *rc::gen::inRange(-10, 11));
  const bool torchjd = *rc::gen::arbitrary<bool>();
  const std::string yaml = torchjd ? "{convention: torchjd}" : "{}";
  const auto combiner = set_up(with(yaml), tasks), other = set_up(with(yaml), tasks);
  for (int step = 0; step < 3; ++step) {
    RowList rows(tasks, std::vector<double>(4));
    for (auto& row : rows)
      for (double& value : row) value = scale * *rc::gen::inRange(-9, 10);
    const auto w = combine(*combiner, rows_of(rows)).weights.w;
    const auto turned = combine(*other, rows_of(RowList(rows.rbegin(), rows.rend()))).weights.w;
    double sum = 0;
    for (size_t t = 0; t < tasks; ++t) {
      sum += w[t];
      RC_ASSERT(w[t] >= 0);
      if (scale < 10) RC_ASSERT(std::abs(w[t] - turned[tasks - 1 - t]) < 1e-9);
    }
    RC_ASSERT(std::abs(sum - 1) < 1e-12);
  }
}

}  // namespace
}  // namespace polytask
