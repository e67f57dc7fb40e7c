#include <balancing/gram_weighting_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace polytask {
namespace {

using testing::HasSubstr;

// Projections on rows instead of coefficients.
std::vector<double> projected_rows(const Rows& rows, double eps, bool include_self, Draws& draws) {
  std::vector<double> total(rows.front().size(), 0.0);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<double> p = rows[i];
    for (int64_t j : draws.order("pcgrad/order", static_cast<int64_t>(rows.size()))) {
      const auto& other = rows[static_cast<size_t>(j)];
      if (static_cast<size_t>(j) == i && !include_self) continue;
      const double product = inner(p, other);
      if (product >= 0) continue;
      for (size_t k = 0; k < p.size(); ++k) p[k] -= product / (inner(other, other) + eps) * other[k];
    }
    for (size_t k = 0; k < p.size(); ++k) total[k] += p[k];
  }
  return total;
}

TEST(PCGrad, ItsCoefficientsAreTheProjectedRows) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Rows rows = independent_rows(6, 7, seed);
    for (const bool self : {false, true}) {
      Random random(seed);
      StreamDraws draws(random);
      GramMethod method(self ? "{method: pcgrad, self: include, eps: 0.01}" : "{method: pcgrad, eps: 0.01}", 6, seed);
      expect_same(combined(rows, method.weigh(rows).w), projected_rows(rows, 0.01, self, draws), 1e-10);
    }
  }
}

TEST(PCGrad, SaysThatDrawsAreMissing) {
  GramMethod method("{method: pcgrad}", 2);
  EXPECT_THAT(message_of<WorkError>([&] {
                method.weighting().weigh(GramState::of({{1, 0}, {0, 1}}), LossState::of({1, 1}));
              }),
              HasSubstr("pcgrad: the order of the tasks is random"));
}

TEST(PCGrad, GradientsThatAgreeAreSummed) {
  EXPECT_EQ(GramMethod("{method: pcgrad}", 2).weigh({{1, 0}, {1, 1}}).w, (std::vector<double>{1, 1}));
  EXPECT_EQ(GramMethod("{method: pcgrad, reduction: mean}", 2).weigh({{1, 0}, {1, 1}}).w,
            (std::vector<double>{0.5, 0.5}));
}

// With one pair, the vaccinated gradient has the target cosine.
TEST(GradVac, BringsAViolatingPairToItsTarget) {
  GramMethod method("{method: gradvac, beta: 0.5}", 2);
  const Rows close = {{1, 0.2}, {1, 0}}, apart = {{1, 2.0}, {1, -0.3}};
  method.weigh(close);
  const double target = method.weighting().state().at("rho")[0][1][0].item<double>();
  ASSERT_GT(target, 0);
  const auto w = method.weigh(apart).w;
  // w = 1 + what the other adds to itself; each added its own coefficient of the other row
  const Rows vaccinated = {{apart[0][0] + (w[1] - 1) * apart[1][0], apart[0][1] + (w[1] - 1) * apart[1][1]}};
  EXPECT_NEAR(inner(vaccinated[0], apart[1]) / length_of(vaccinated[0]) / length_of(apart[1]), target, 1e-12);
}

TEST(GradVac, TargetsOfAbsentTasksStay) {
  GramMethod method("{method: gradvac, beta: 0.5}", 3);
  method.weigh(independent_rows(3, 5, 1));
  const auto before = method.weighting().state().at("rho").clone();
  method.weigh(independent_rows(2, 5, 2), {}, {0, 2}, 3);
  const auto after = method.weighting().state().at("rho");
  EXPECT_NE(before[0][2][0].item<double>(), after[0][2][0].item<double>());
  for (const auto& [i, j] : std::vector<std::pair<int, int>>{{0, 1}, {1, 0}, {1, 2}, {2, 1}})
    EXPECT_EQ(before[i][j][0].item<double>(), after[i][j][0].item<double>());
}

TEST(GradVac, GroupsAreVaccinatedApart) {
  GramMethod method("{method: gradvac, groups: tensor}", 2);
  GramState gram = GramState::of({{1, 0, 3}, {-1, 1, 3}});
  gram.blocks = {GramState::of({{1, 0}, {-1, 1}}).gram, GramState::of({{3}, {3}}).gram};
  LossState state = LossState::of({1, 1});
  state.draws = &method.draws();
  const auto got = method.weighting().weigh(gram, state);
  ASSERT_EQ(got.block_w.size(), 2U);
  EXPECT_GT(got.block_w[0][0], 1.2);                       // in conflict
  EXPECT_EQ(got.block_w[1], (std::vector<double>{1, 1}));  // not
  EXPECT_NEAR(got.w[0], (got.block_w[0][0] + got.block_w[1][0]) / 2, 1e-15);
  EXPECT_EQ(method.weighting().needs().blocks, BlockSize::tensor);
}

// The aligned gradients V σ Λ^{−½} Vᵀ G are orthogonal and all of length σ.
TEST(Aligned, GivesAllComponentsOneLength) {
  const Rows rows = independent_rows(4, 9, 3);
  Matrix aligned(4, 4);
  for (int64_t k = 0; k < 4; ++k) {
    std::string preference = "[0, 0, 0, 0]";
    preference[static_cast<size_t>(1 + 3 * k)] = '1';
    const auto w = GramMethod("{method: aligned, preference: " + preference + "}", 4).weigh(rows).w;
    for (int64_t i = 0; i < 4; ++i) aligned(k, i) = w[static_cast<size_t>(i)];
  }
  Rows balanced;
  for (int64_t k = 0; k < 4; ++k) balanced.push_back(combined(rows, {aligned.row(k), aligned.row(k) + 4}));
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 4; ++j)
      EXPECT_NEAR(inner(balanced[i], balanced[j]), i == j ? inner(balanced[0], balanced[0]) : 0.0, 1e-9);
}

TEST(Aligned, WithoutAnyGradientTheConventionDecides) {
  const Rows zeros = {{0, 0}, {0, 0}};
  EXPECT_EQ(GramMethod("{method: aligned}", 2).weigh(zeros).w, (std::vector<double>{0, 0}));
  EXPECT_EQ(GramMethod("{method: aligned, convention: torchjd}", 2).weigh(zeros).w, (std::vector<double>{0.5, 0.5}));
}

TEST(Preference, MustFitTheTasks) {
  const auto text = [](const std::string& section) { return message_of<InputError>([&] { GramMethod(section, 2); }); };
  EXPECT_THAT(text("{method: aligned, preference: [1, 2, 3]}"),
              HasSubstr("balancing.preference: 3 entries for 2 tasks"));
  EXPECT_THAT(text("{method: config, preference: [1, -2]}"), HasSubstr("balancing.preference: -2 is no preference"));
  EXPECT_THAT(text("{method: config, preference: [0, 0]}"), HasSubstr("every entry is 0"));
}

TEST(ImtlG, ProjectionsAreEqualAndWeightsSumToOne) {
  for (const std::string convention : {"paper", "libmtl", "nash", "samsung", "torchjd"}) {
    const Rows rows = independent_rows(5, 9, 8);
    const auto w = GramMethod("{method: imtl_g, convention: " + convention + "}", 5).weigh(rows).w;
    const auto d = combined(rows, w);
    EXPECT_NEAR(std::accumulate(w.begin(), w.end(), 0.0), 1, 1e-9);
    for (const auto& row : rows)
      EXPECT_NEAR(inner(d, row) / length_of(row), inner(d, rows[0]) / length_of(rows[0]), 1e-9) << convention;
  }
}

TEST(ImtlG, DependentRowsHaveDocumentedAnswers) {
  GramMethod method("{method: imtl_g}", 3);
  const auto duplicate = method.weigh({{1, 2, 0}, {0, 1, 1}, {1, 2, 0}});
  EXPECT_NEAR(duplicate.w[0], duplicate.w[2], 1e-12);
  EXPECT_TRUE(duplicate.solver.solved);
  const auto zero = method.weigh({{1, 2, 0}, {0, 1, 1}, {0, 0, 0}});
  expect_same({zero.w[0], zero.w[1]}, GramMethod("{method: imtl_g}", 2).weigh({{1, 2, 0}, {0, 1, 1}}).w, 1e-12);
  EXPECT_EQ(zero.w[2], 0);
  const auto opposite = method.weigh({{1, 0}, {-3, 0}, {0, 0}});
  expect_same(opposite.w, {0.75, 0.25, 0}, 1e-12);
  const auto nothing = method.weigh({{0, 0}, {0, 0}, {0, 0}});
  expect_same(nothing.w, std::vector<double>(3, 1.0 / 3), 1e-12);
  EXPECT_FALSE(nothing.solver.solved);
  EXPECT_FALSE(GramMethod("{method: imtl_g, convention: libmtl}", 2).weigh({{1, 2}, {1, 2}}).solver.solved);
}

TEST(Imtl, ScalesAreLearnedAndReachHeadsAndRows) {
  GramMethod method("{method: imtl, initial_log_scale: 0.5}", 2);
  const Rows rows = {{1, 0, 0.5}, {0, 3, 1}};
  const auto got = method.weigh(rows, {0.3, 4});
  const double scale = std::exp(0.5);
  expect_same(got.heads, {scale, scale}, 1e-14);
  expect_same(got.w, {got.shown.at("alpha")[0] * scale, got.shown.at("alpha")[1] * scale}, 1e-14);
  const auto parameters = method.weighting().parameters();
  EXPECT_NEAR(parameters.at("log_scale.t0").grad().item<double>(), scale * 0.3 - 1, 1e-14);
  EXPECT_NEAR(parameters.at("log_scale.t1").grad().item<double>(), scale * 4 - 1, 1e-14);
}

TEST(Config, CosinesAreInTheProportionsOfThePreference) {
  const Rows rows = independent_rows(3, 6, 4);
  const auto d = combined(rows, GramMethod("{method: config, preference: [1, 2, 0.5]}", 3).weigh(rows).w);
  std::vector<double> cosines;
  double projections = 0;
  for (const auto& row : rows) {
    cosines.push_back(inner(d, row) / length_of(row) / length_of(d));
    projections += inner(d, row) / length_of(d);
  }
  EXPECT_NEAR(cosines[1] / cosines[0], 2, 1e-9);
  EXPECT_NEAR(cosines[2] / cosines[0], 0.5, 1e-9);
  EXPECT_NEAR(length_of(d), projections, 1e-9);
}

TEST(Config, OppositeGradientsGiveNoStep) {
  expect_same(GramMethod("{method: config}", 2).weigh({{1, 2}, {-1e-8, -2e-8}}).w, {0, 0}, 0);
}

TEST(Krum, LeavesTheOutlierOut) {
  const Rows rows = {{1, 0}, {1.1, 0}, {-50, 70}, {1, 0.1}, {0.9, 0.05}};
  EXPECT_EQ(GramMethod("{method: krum, n_byzantine: 1, n_selected: 4}", 5).weigh(rows).w,
            (std::vector<double>{0.25, 0.25, 0, 0.25, 0.25}));
  const auto text = [](const std::string& section) { return message_of<InputError>([&] { GramMethod(section, 3); }); };
  EXPECT_THAT(text("{method: krum, n_byzantine: 1}"), HasSubstr("balancing.n_byzantine: 1 of 3 tasks leaves too few"));
  EXPECT_THAT(text("{method: krum, n_selected: 4}"), HasSubstr("4 gradients can not be selected from 3 tasks"));
}

}  // namespace
}  // namespace polytask
