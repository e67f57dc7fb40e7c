#include <polytask/data/sources/forest_gaps.h>
#include <polytask/data/sources/forest_genera.h>
#include <polytask/data/sources/forest_scene.h>
#include <polytask/data/sources/smooth_field.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace polytask {
namespace {

struct Moments {
  double mean = 0, variance = 0;
};

template <class Values>
Moments moments(const Values& values) {
  const auto n = static_cast<double>(values.size());
  Moments result;
  for (const auto value : values) result.mean += static_cast<double>(value) / n;
  for (const auto value : values) result.variance += std::pow(static_cast<double>(value) - result.mean, 2) / n;
  return result;
}

// Intercept, slope and residual deviation of a straight line.
struct Line {
  double intercept = 0, slope = 0, residual = 0;
};

Line fit_line(const std::vector<double>& x, const std::vector<double>& y) {
  const Moments of_x = moments(x), of_y = moments(y);
  double covariance = 0;
  for (size_t i = 0; i < x.size(); ++i)
    covariance += (x[i] - of_x.mean) * (y[i] - of_y.mean) / static_cast<double>(x.size());
  const double slope = covariance / of_x.variance;
  return {of_y.mean - slope * of_x.mean, slope, std::sqrt(std::max(0.0, of_y.variance - slope * covariance))};
}

// log H and log B of the cells of one genus, over several scenes.
std::pair<std::vector<double>, std::vector<double>> cells_of(float genus, const ForestSceneOptions& options) {
  std::pair<std::vector<double>, std::vector<double>> cells;
  for (uint64_t scene = 0; scene < 12; ++scene) {
    const ForestTruth truth = forest_truth(options, scene, 0, 0, 64);
    for (size_t i = 0; i < truth.genus.size(); ++i) {
      if (truth.genus[i] != genus) continue;
      cells.first.push_back(std::log(static_cast<double>(truth.height_m[i])));
      cells.second.push_back(std::log(static_cast<double>(truth.biomass[i])));
    }
  }
  return cells;
}

TEST(SmoothField, IsStandardNormalEverywhereAndCorrelatedOverItsScale) {
  std::vector<float> on, between;  // lattice points, and places amid them
  double product = 0, far = 0;
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    const auto field = SmoothField(seed, "test", 8).over(-8, 16, 20);
    on.push_back(field[0]);
    between.push_back(field[4 * 20 + 4]);
    product += static_cast<double>(field[0] * field[1]) / 1500;
    far += static_cast<double>(field[0] * field[18]) / 1500;
  }
  for (const auto* values : {&on, &between}) {
    EXPECT_NEAR(moments(*values).mean, 0, 0.08);
    EXPECT_NEAR(moments(*values).variance, 1, 0.11);
  }
  EXPECT_GT(product, 0.85);
  EXPECT_NEAR(far, 0, 0.08);
}

TEST(SmoothField, PartsAreOfOnePlane) {
  const SmoothField field(3, "test", 5.5);
  const auto whole = field.over(-7, 20, 30), part = field.over(3, 25, 10);
  for (size_t y = 0; y < 10; ++y)
    for (size_t x = 0; x < 10; ++x) EXPECT_EQ(part[y * 10 + x], whole[(y + 5) * 30 + x + 10]);
  EXPECT_NE(whole, SmoothField(4, "test", 5.5).over(-7, 20, 30));
  EXPECT_NE(whole, SmoothField(3, "other", 5.5).over(-7, 20, 30));
}

TEST(ForestRadar, WaterCloudByHand) {
  const WaterCloud canopy{0.1F, 0, 0.5F};
  EXPECT_FLOAT_EQ(water_cloud(canopy, 0, 0.03F, 0.8F), 0.03F);
  // exp(−2 · 0.5 · 0.8 / 0.8) = 1/e: 0.1 · 0.8 (1 − 1/e) + 0.03 / e
  EXPECT_NEAR(water_cloud(canopy, 0.8F, 0.03F, 0.8F), 0.0616061, 1e-6);
  EXPECT_NEAR(water_cloud(canopy, 50, 0.03F, 0.8F), 0.08, 1e-6);  // opaque
  const WaterCloud growing{0.1F, 0.5F, 0.5F};
  EXPECT_NEAR(water_cloud(growing, 64, 0.03F, 0.8F), 0.08 * 8, 1e-5);
}

TEST(ForestRadar, BackscatterSaturatesWithBiomass) {
  for (int64_t genus = 0; genus < 12; ++genus) {
    for (int64_t p = 0; p < 2; ++p) {
      const auto decibels = [&](float volume) {
        return 10 * std::log10(water_cloud(forest_canopy(genus, p), volume, forest_soil(p), 0.78F));
      };
      EXPECT_GT(decibels(0.5F) - decibels(0.01F), p == 0 ? 0.5 : 2) << genus << " " << p;
      EXPECT_LT(decibels(3.5F) - decibels(3), 0.35) << genus << " " << p;
    }
  }
}

TEST(ForestRadar, SpeckleHasTheMomentsOfAGammaVariable) {
  for (const double looks : {1.0, 4.4, 9.0, 200.0}) {
    Speckle speckle(looks, Random(5));
    std::vector<float> draws(60000);
    for (auto& draw : draws) draw = speckle.draw();
    const Moments found = moments(draws);
    EXPECT_NEAR(found.mean, 1, 4 / std::sqrt(looks * 60000)) << looks;
    EXPECT_NEAR(found.variance * looks, 1, 0.06) << looks;
    double skewness = 0, least = 1;
    for (const float draw : draws) {
      skewness += std::pow((static_cast<double>(draw) - found.mean) / std::sqrt(found.variance), 3) / 60000;
      least = std::min(least, static_cast<double>(draw));
    }
    EXPECT_NEAR(skewness, 2 / std::sqrt(looks), 0.15) << looks;
    EXPECT_GT(least, 0) << looks;
  }
}

// By hand, at 20 m: kg of a tree times stems per hectare, in Mg.
TEST(ForestGenera, CellLawIsTheTreesTimesTheStems) {
  ASSERT_EQ(forest_genera().size(), 12U);
  std::set<std::string> names;
  for (const auto& genus : forest_genera()) {
    names.insert(genus.name);
    for (const double height : {3.0, 20.0, 31.0}) {
      const double cell = genus.tree.biomass(height) * forest_stems_ha(genus, height) / 1000;
      EXPECT_NEAR(forest_cell_law(genus).biomass(height) / cell, 1, 1e-9) << genus.name;
    }
    EXPECT_GT(forest_stems_ha(genus, 5), forest_stems_ha(genus, 25));
    EXPECT_NEAR(forest_cell_law(genus).beta, genus.tree.beta - 1.6, 1e-12);
  }
  EXPECT_EQ(names.size(), 12U);
  const ForestGenus& pinus = forest_genera()[0];
  EXPECT_EQ(pinus.name, "Pinus");
  EXPECT_NEAR(pinus.tree.biomass(20), 187.3, 0.5);
  EXPECT_NEAR(forest_cell_law(pinus).biomass(20), 187.3 * 750 / 1000, 0.5);
}

TEST(ForestScene, CellsWithoutNoiseFollowTheCellLawAndNotTheTrees) {
  ForestSceneOptions options;
  options.residual = options.stands.density_std = 0;
  for (const size_t g : {0U, 1U, 2U}) {
    const ForestGenus& genus = forest_genera()[g];
    const auto [height, biomass] = cells_of(static_cast<float>(g), options);
    ASSERT_GT(height.size(), 2000U);
    const Line line = fit_line(height, biomass);
    EXPECT_NEAR(line.intercept, forest_cell_law(genus).alpha, 1e-3) << genus.name;
    EXPECT_NEAR(line.slope, forest_cell_law(genus).beta, 1e-3) << genus.name;
    EXPECT_LT(line.residual, 1e-3) << genus.name;
    EXPECT_GT(genus.tree.beta - line.slope, 1) << genus.name;
  }
}

TEST(ForestScene, NoiseOfCellsAndStandsIsWhatIsSaid) {
  ForestSceneOptions options;
  options.residual = 0.3;
  options.stands.density_std = 0;
  auto [height, biomass] = cells_of(0, options);
  EXPECT_NEAR(fit_line(height, biomass).residual, 0.3, 0.01);
  options.residual = 0;
  options.stands.density_std = 0.3;
  std::tie(height, biomass) = cells_of(0, options);
  EXPECT_NEAR(fit_line(height, biomass).residual, 0.3, 0.06);  // a hundred stands or so
}

TEST(ForestScene, StandsArePatchesOfTheStatedWidthAndFrequencies) {
  ForestStandOptions options;
  options.classes = 3;
  options.open = 0.2;
  std::map<int64_t, double> stands;
  double cells = 0, seen = 0, borders = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto map = map_stands(options, seed, 0, 0, 140);
    const std::set<int64_t> here(map.stand.begin(), map.stand.end());
    for (const int64_t stand : here) {
      ++stands[map.stands[static_cast<size_t>(stand)].genus];
      const ForestStand& of = map.stands[static_cast<size_t>(stand)];
      if (of.genus < 0) continue;
      EXPECT_GE(of.height_m, 3);
      EXPECT_LE(of.height_m, forest_genera()[static_cast<size_t>(of.genus)].max_height_m);
    }
    seen += static_cast<double>(here.size());
    cells += 140 * 140;
    for (size_t i = 0; i + 1 < map.stand.size(); ++i) borders += (i + 1) % 140 != 0 && map.stand[i] != map.stand[i + 1];
  }
  // Those cut by the edge count as well, so that a stand has somewhat less than 14 · 14 cells.
  EXPECT_NEAR(cells / seen, 14 * 14 * 0.8, 25);
  EXPECT_NEAR(borders / cells, 4 / M_PI / 14, 0.02);  // as in a Voronoi diagram of random points
  EXPECT_NEAR(stands[-1] / seen, 0.2, 0.04);
  const double forest = seen - stands[-1];
  EXPECT_NEAR(stands[0] / forest, 26.0 / 65, 0.05);
  EXPECT_NEAR(stands[1] / forest, 22.0 / 65, 0.05);
  EXPECT_NEAR(stands[2] / forest, 17.0 / 65, 0.05);
}

// No row of a border's cells is straight for long.
TEST(ForestScene, BordersAreNoStraightLines) {
  const auto map = map_stands({}, 2, 0, 0, 128);
  std::map<std::pair<int64_t, int64_t>, std::vector<std::pair<double, double>>> borders;
  for (int64_t y = 0; y < 128; ++y)
    for (int64_t x = 0; x + 1 < 128; ++x) {
      const int64_t left = map.stand[static_cast<size_t>(y * 128 + x)],
                    right = map.stand[static_cast<size_t>(y * 128 + x + 1)];
      if (left != right) borders[std::minmax(left, right)].emplace_back(static_cast<double>(y), x + 0.5);
    }
  int64_t judged = 0, bent = 0;
  for (const auto& [pair, places] : borders) {
    if (places.size() < 8) continue;
    std::vector<double> y, x;
    for (const auto& place : places) y.push_back(place.first), x.push_back(place.second);
    ++judged;
    bent += fit_line(y, x).residual > 0.6;  // rounding to whole cells leaves 0.3
  }
  EXPECT_GT(judged, 20);
  EXPECT_GT(bent, judged / 2);
}

TEST(ForestScene, PartsFitTogether) {
  ForestSceneOptions options;
  options.residual = 0;
  const ForestTruth whole = forest_truth(options, 9, 0, 0, 64), part = forest_truth(options, 9, 32, 16, 32);
  for (size_t y = 0; y < 32; ++y)
    for (size_t x = 0; x < 32; ++x) {
      const size_t here = y * 32 + x, there = (y + 16) * 64 + x + 32;
      ASSERT_EQ(std::isnan(part.genus[here]), std::isnan(whole.genus[there]));
      ASSERT_EQ(part.height_m[here], whole.height_m[there]);
      ASSERT_EQ(part.power[1][here], whole.power[1][there]);
    }
}

TEST(ForestScene, OpenGroundHasNoTreesAndTheSoilsBackscatter) {
  ForestSceneOptions options;
  options.stands.open = 0.5;
  options.moisture_db = 0;
  const ForestTruth truth = forest_truth(options, 1, 0, 0, 64);
  int64_t open = 0;
  for (size_t i = 0; i < truth.genus.size(); ++i) {
    EXPECT_EQ(std::isnan(truth.genus[i]), truth.height_m[i] == 0);
    EXPECT_EQ(std::isnan(truth.genus[i]), truth.biomass[i] == 0);
    if (!std::isnan(truth.genus[i])) continue;
    ++open;
    EXPECT_FLOAT_EQ(truth.power[0][i], forest_soil(0));
    EXPECT_FLOAT_EQ(truth.power[1][i], forest_soil(1));
  }
  EXPECT_GT(open, 800);
}

TEST(ForestGaps, PicturesLoseARectangleOrAStreak) {
  int64_t streaks = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const auto gap = draw_picture_gap(64, random);
    std::set<size_t> rows, columns;
    for (size_t i = 0; i < gap.size(); ++i)
      if (gap[i] != 0) rows.insert(i / 64), columns.insert(i % 64);
    EXPECT_EQ(rows.size() * columns.size(), static_cast<size_t>(std::accumulate(gap.begin(), gap.end(), 0)));
    const size_t longer = std::max(rows.size(), columns.size()), shorter = std::min(rows.size(), columns.size());
    EXPECT_GE(shorter, 1U);
    EXPECT_LE(shorter, longer == 64 ? 8U : 32U);
    streaks += longer == 64;
  }
  EXPECT_NEAR(static_cast<double>(streaks), 100, 30);
}

TEST(ForestGaps, CloudsCoverTheStatedShare) {
  for (const double share : {0.0, 0.1, 0.5}) {
    const GapClouds clouds(share, 12);
    double covered = 0;
    for (uint64_t seed = 0; seed < 60; ++seed)
      for (const uint8_t gap : clouds.over(seed, "genus", 0, 0, 64)) covered += gap;
    EXPECT_NEAR(covered / (60 * 64 * 64), share, share * 0.15) << share;
  }
}

}  // namespace
}  // namespace polytask
