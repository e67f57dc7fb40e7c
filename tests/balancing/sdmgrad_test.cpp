#include <polytask/balancing/combining/sdmgrad.h>

#include <balancing/combining_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace polytask {
namespace {

using testing::HasSubstr;

MakeCombiner with(const std::string& yaml) {
  return [yaml] { return std::make_unique<Sdmgrad>(options_of<SdmgradOptions>(yaml)); };
}

// A = diag(1, 4)/s² with s = (1 + 2)/2; one iteration with lr 0.1 and λ = 0.5, from (½, ½): the slope is ¾ A 1.
TEST(Sdmgrad, OneIterationByHand) {
  const auto combiner = set_up(with("{lambda: 0.5, lr: 0.1, iterations: 1}"), 2);
  EXPECT_EQ(combiner->needs().independent_batches, 3);
  GradientRows rows = rows_of({{1, 0}, {0, 1}});
  rows.samples = {matrix_of({{1, 0}, {0, 2}}), matrix_of({{1, 0}, {0, 2}}), matrix_of({{1, 10}, {100, 1000}})};
  const auto got = combine(*combiner, rows);
  const double unit = 0.1 * 0.75 / (2.25 + 1e-8), w = 0.5 + 1.5 * unit;
  expect_close(got.weights.shown.at("simplex"), {w, 1 - w});
  const double a = (w + 0.25) / 1.5, b = (1 - w + 0.25) / 1.5;
  expect_close(got.weights.w, {a, b});
  expect_close(got.direction, {a + 100 * b, 10 * a + 1000 * b});
  EXPECT_EQ(got.weights.solver.iterations, 1);
}

TEST(Sdmgrad, MomentumCarriesOverIterationsOfAStepOnly) {
  const auto rows = rows_of({{1, 0}, {0, 1}, {1, 1}}, {}, 3);
  const auto two = set_up(with("{lambda: 0, lr: 0.01, iterations: 2, momentum: 0.5}"), 3);
  const auto one = set_up(with("{lambda: 0, lr: 0.01, iterations: 1, momentum: 0.5}"), 3);
  const double scale = (2 + std::sqrt(2.0)) / 3, norm = scale * scale + 1e-8;
  const auto slope = [&](const std::vector<double>& w) {
    return std::vector<double>{(w[0] + w[2]) / norm, (w[1] + w[2]) / norm, (w[0] + w[1] + 2 * w[2]) / norm};
  };
  const auto step = [](std::vector<double> w, const std::vector<double>& v) {
    const double mean = (v[0] + v[1] + v[2]) / 3;  // small steps inside the simplex: the projection only centres
    for (size_t i = 0; i < 3; ++i) w[i] -= 0.01 * (v[i] - mean);
    return w;
  };
  const std::vector<double> start(3, 1.0 / 3);
  const auto first = slope(start);
  const auto after = step(start, first);
  auto second = slope(after);
  expect_close(combine(*one, rows).weights.w, after);
  expect_close(combine(*one, rows).weights.w, step(after, second));
  for (size_t i = 0; i < 3; ++i) second[i] += 0.5 * first[i];
  expect_close(combine(*two, rows).weights.w, step(after, second));
}

TEST(Sdmgrad, ConventionsSelectTheStepSize) {
  const auto rows = rows_of({{1, 0}, {0, 1.01}}, {}, 3);
  const auto first = [&](const std::string& yaml) {
    return combine(*set_up(with("{iterations: 1, lambda: 0" + yaml + "}"), 2), rows).weights.w[0] - 0.5;
  };
  EXPECT_NEAR(first(", convention: torchjd") / first(""), 2, 1e-9);
  EXPECT_EQ(first(", convention: libmtl"), first(""));
  EXPECT_EQ(first(", convention: torchjd, lr: 5"), first(""));
}

TEST(Sdmgrad, OneTaskIsPlainTraining) {
  const auto got = combine(*set_up(with("{}"), 1), rows_of({{3, -1}}, {}, 3));
  expect_close(got.weights.w, {1});
}

TEST(Sdmgrad, ManyColumnsInFloat32) {
  torch::Tensor wide = torch::ones({2, 40000}, torch::kFloat);
  wide[1].fill_(0.5);
  GradientRows rows = rows_of({{0}, {0}});
  rows.samples = {wide, wide, wide};
  // A = [[1, ½], [½, ¼]]/s², s = ¾ after a common factor; the least slope is the second task's.
  const auto got = combine(*set_up(with("{lambda: 0, lr: 0.01, iterations: 1}"), 2), rows);
  const double step = 0.01 * (0.75 - 0.375) / 0.5625 / 2;
  expect_close(got.weights.w, {0.5 - step, 0.5 + step}, 1e-6);
}

TEST(Sdmgrad, StaysFiniteAndKeepsFloat32) {
  expect_finite_whatever_comes(with("{}"));
  expect_finite_whatever_comes(with("{convention: torchjd}"));
  expect_float_like_double(with("{lr: 0.1}"));
}

TEST(Sdmgrad, ResumesBitForBit) { expect_resumes(with("{lr: 0.1}")); }

TEST(Sdmgrad, AbsentTasksTakeNoPartAndKeepTheirState) {
  expect_absent_keep_state(with("{lr: 0.01}"));
  expect_absent_take_no_part(with("{lr: 0.1}"));
}

TEST(Sdmgrad, SaysWhatDoesNotFit) {
  expect_refuses_representation(with("{}"));
  EXPECT_THAT(message_of<WorkError>([] {
                combine(*set_up(with("{}"), 2), rows_of({{1}, {2}}));
              }),
              HasSubstr("needs the gradients of 2 batches"));
  EXPECT_THAT(message_of<InputError>([] { with("{momentum: 2}")(); }), HasSubstr("momentum"));
  EXPECT_THAT(message_of<InputError>([] { with("{iterations: 0}")(); }), HasSubstr("iterations"));
}

RC_GTEST_PROP(SdmgradProperty, WeightsAreOnTheSimplexAndTheirScaleIsThatOfTheRows, ()) {
  const auto tasks = static_cast<size_t>(*rc::gen::inRange(1, 7));
  RowList rows(tasks, std::vector<double>(5)), scaled;
  for (auto& row : rows)
    for (double& value : row) value = 1 + *rc::gen::inRange(0, 10);
  scaled = rows;
  for (auto& row : scaled)
    for (double& value : row) value *= 1e10;
  const std::string yaml = "{lr: 0.1, iterations: 5}";
  const auto got = combine(*set_up(with(yaml), tasks), rows_of(rows, {}, 3)).weights.w;
  const auto great = combine(*set_up(with(yaml), tasks), rows_of(scaled, {}, 3)).weights.w;
  double sum = 0;
  for (size_t t = 0; t < tasks; ++t) {
    sum += got[t];
    RC_ASSERT(got[t] >= 0.3 / static_cast<double>(tasks) / 1.3 - 1e-12);
    RC_ASSERT(std::abs(got[t] - great[t]) < 1e-6);
  }
  RC_ASSERT(std::abs(sum - 1) < 1e-12);
}

}  // namespace
}  // namespace polytask
