#include "support.h"

#include <polytask/allometry/fit_rows.h>
#include <polytask/allometry/raster_observations.h>
#include <polytask/io/atomic_file.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/geotiff.h>
#include <support/temporary_directory.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

// Cells of three genera, more than a window wide; codes 1, 2 and 5.
class RasterObservationsTest : public testing::Test {
 protected:
  RasterObservationsTest() {
    at::manual_seed(3);
    for (const char* scene : {"east", "west"}) write_scene(scene);
    layers_.genus.file = path("<scene>_genus.tif");
    layers_.height.file = path("<scene>_height.tif");
    layers_.biomass.file = path("<scene>_biomass.tif");
    layers_.biomass_unit = "Mg/ha";
  }
  void write_scene(const std::string& name) {
    const at::Tensor index = at::randint(0, 3, {9, 300}, at::kLong);
    const at::Tensor codes = at::tensor({1, 2, 5}).index_select(0, index.flatten()).view_as(index);
    const at::Tensor height = at::exp(at::rand({9, 300}) * 3), noise = at::randn({9, 300}) * 0.2;
    at::Tensor biomass = (0.5 + (1.4 + 0.1 * index) * height.log() + noise).exp();
    height[0][0] = -1;   // nodata
    biomass[1][1] = -1;  // nodata
    height[8][299] = 1;
    biomass[7][298] = 0;
    codes[3][290] = 0;
    write_tiff(path(name + "_genus.tif"), {codes, GDT_Byte});
    write_tiff(path(name + "_height.tif"), tiff(height));
    write_tiff(path(name + "_biomass.tif"), tiff(biomass));
    for (int64_t i = 0; i < height.numel(); ++i) {
      const double h = height.flatten()[i].item<double>(), b = biomass.flatten()[i].item<double>();
      const auto code = codes.flatten()[i].item<int64_t>();
      const double nan = std::nan("");
      listed_.add(code == 0 ? "" : std::to_string(code), h == -1 ? nan : h, b == -1 ? nan : b, name);
    }
  }
  static TestTiff tiff(const at::Tensor& values) {
    TestTiff tiff;
    tiff.values = values;
    tiff.nodata = -1;
    return tiff;
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  std::string message() const {
    return message_of([&] {
      RasterObservations rasters(layers_);
      std::vector<Observation> block;
      while (rasters.read(block)) {
      }
    });
  }
  TemporaryDirectory directory_;
  RasterLayers layers_;
  ListedObservations listed_;
};

TEST_F(RasterObservationsTest, cells_give_the_fit_of_the_same_numbers) {
  layers_.ignore = {0};
  RasterObservations rasters(layers_);
  EXPECT_EQ(rasters.files().size(), 6U);
  const KeptRows cells(rasters, 1.3), rows(listed_, 1.3);
  EXPECT_EQ(cells.counts().text(1.3), rows.counts().text(1.3));
  EXPECT_EQ(cells.counts().read, 2 * 9 * 300);
  EXPECT_EQ(cells.counts().genus_missing, 2);
  EXPECT_EQ(cells.counts().height_missing, 2);
  EXPECT_EQ(cells.counts().biomass_missing, 2);
  EXPECT_EQ(cells.counts().biomass_not_positive, 2);
  EXPECT_EQ(cells.groups(), (std::vector<std::string>{"east", "west"}));
  // Rows and genera come in another order, of which sums are free, but not where an iteration ends.
  for (const auto& [pooling, tolerance] : {std::pair(Pooling::none, 1e-9), std::pair(Pooling::partial, 1e-6)}) {
    FitOptions options;
    options.pooling = pooling;
    const Fit a = fit_rows(cells, law_named("power", ""), options), b = fit_rows(rows, law_named("power", ""), options);
    EXPECT_NEAR(a.log_likelihood(), b.log_likelihood(), 1e-6);
    for (size_t g = 0; g < 3; ++g) {
      const auto& names = rows.genera();
      const auto same = static_cast<size_t>(std::find(names.begin(), names.end(), cells.genera()[g]) - names.begin());
      ASSERT_LT(same, names.size());
      EXPECT_EQ(a.genera[g].n, b.genera[same].n);
      for (size_t p = 0; p < a.genera[g].parameters.size(); ++p)
        EXPECT_NEAR(a.genera[g].parameters[p], b.genera[same].parameters[p], tolerance) << to_text(pooling);
    }
  }
}

TEST_F(RasterObservationsTest, strips_are_kept_of_one_scene_at_a_time) {
  const RasterFile opened(path("east_height.tif"));  // sets the usual limit
  const auto usual = GDALGetCacheMax64();
  const int64_t of_a_scene = 9 * 300 * (1 + 4 + 4);
  RasterObservations rasters(layers_);
  EXPECT_EQ(GDALGetCacheMax64(), usual);
  std::vector<Observation> block;
  while (rasters.read(block)) EXPECT_EQ(GDALGetCacheMax64(), usual + of_a_scene);
  EXPECT_EQ(GDALGetCacheMax64(), usual);
}

TEST_F(RasterObservationsTest, codes_have_names) {
  layers_.classes = path("genera.json");
  write_file_atomically(layers_.classes, R"({"Fagus": 1, "Picea": 2, "Pinus": 5, "Tilia": 7})");
  EXPECT_THAT(message(), AllOf(HasSubstr("east_genus.tif"), HasSubstr("code 0"), HasSubstr("column 290, row 3"),
                               HasSubstr("`ignore`")));
  layers_.ignore = {0};
  RasterObservations rasters(layers_);
  const KeptRows cells(rasters, 1.3);
  EXPECT_EQ(cells.genera(), (std::vector<std::string>{"Fagus", "Picea", "Pinus", "Tilia"}));
  EXPECT_GT(cells.rows_of_genus()[2], 1000);
  EXPECT_EQ(cells.rows_of_genus()[3], 0);
}

TEST_F(RasterObservationsTest, what_does_not_fit_is_named) {
  const at::Tensor values = at::ones({9, 299});
  write_tiff(path("west_height.tif"), {values});
  EXPECT_THAT(message(), AllOf(HasSubstr("scene \"west\""), HasSubstr("west_biomass.tif"), HasSubstr("300 × 9"),
                               HasSubstr("height")));
  TestTiff moved = tiff(at::ones({9, 300}));
  moved.epsg = 32634;
  write_tiff(path("west_height.tif"), moved);
  EXPECT_THAT(message(), HasSubstr("EPSG:32633, not EPSG:32634"));
  std::filesystem::remove(path("west_biomass.tif"));
  EXPECT_THAT(message(), AllOf(HasSubstr("--biomass: scene \"west\" has no file"), HasSubstr("<scene>_biomass.tif")));
  layers_.genus.file = path("east_genus.tif");
  EXPECT_THAT(message(), HasSubstr("--genus"));
  layers_.height.file = path("none_<scene>.tif");
  layers_.genus.file = layers_.biomass.file = path("<scene>_biomass.tif");
  EXPECT_THAT(message(), HasSubstr("no file matches"));
}

TEST_F(RasterObservationsTest, one_file_may_hold_every_layer) {
  TestTiff all;
  all.values = at::stack({at::ones({4, 5}), at::full({4, 5}, 10), at::full({4, 5}, 80)});
  all.names = {"genus", "height", "biomass"};
  write_tiff(path("all.tif"), all);
  layers_.genus = {path("all.tif"), "genus"};
  layers_.height = {path("all.tif"), "2"};
  layers_.biomass = {path("all.tif"), "biomass"};
  RasterObservations rasters(layers_);
  std::vector<Observation> block;
  ASSERT_TRUE(rasters.read(block));
  ASSERT_EQ(block.size(), 20U);
  EXPECT_EQ(rasters.genera().names()[static_cast<size_t>(block[7].genus)], "1");
  EXPECT_EQ(block[7].height_m, 10);
  EXPECT_EQ(block[7].biomass, 80);
  EXPECT_FALSE(rasters.read(block));
  EXPECT_TRUE(block.empty());
  layers_.biomass.band = "agb";
  EXPECT_THAT(message(), HasSubstr("agb"));
}

}  // namespace
}  // namespace polytask
