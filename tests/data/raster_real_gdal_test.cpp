#include "data/source_fixtures.h"
#include "support/shared_data.h"

#include <polytask/io/raster.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;

// Three channels of the missing orbit's -9999, no nodata tag, no CRS.
TEST(RasterSourceReal, biomassters_chips) {
  const auto root = shared_path("data/dense/biomassters_sample/raw");
  if (!fs::exists(root)) GTEST_SKIP() << "no " << root;
  const auto source = open_source(fmt::format(
      "{{source: raster, root: {}, inputs: [{{file: <scene>_S1_00.tif, domain: db, nodata: -9999}}], layers: "
      "{{biomass: {{file: <scene>_agbm.tif, unit: t/ha}}}}}}",
      root.string()));
  EXPECT_EQ(source->size(), 3 * 16);
  const auto fitted = source->fit(first_rows(48));
  EXPECT_THAT(doubles(fitted[0].state().at("mean")), Each(AllOf(testing::Gt(-30), testing::Lt(0))));
  EXPECT_EQ(source->layers()[0].unit, "t/ha");
}

// Decibels averaged as numbers lie below the average power, the more the noisier the band.
TEST(RasterSourceReal, a_year_of_chips_is_averaged_in_power) {
  const auto root = shared_path("data/dense/biomassters_sample");
  if (!fs::exists(root)) GTEST_SKIP() << "no " << root;
  const auto mean = [&](const std::string& domain) {
    const auto source = open_source(fmt::format(
        "{{source: raster, root: {}, scenes: [0060c0a5, 288afc34], tile: 256, inputs: [{{file: \"*/<scene>_S1_*.tif\", "
        "bands: [1, 2], nodata: -9999, domain: {}}}]}}",
        root.string(), domain));
    return source->fit(first_rows(2))[0].state().at("mean");
  };
  const auto difference = doubles(mean("db") - mean("plain"));
  EXPECT_NEAR(difference[0], 0.13, 0.03);
  EXPECT_NEAR(difference[1], 0.255, 0.065);
}

TEST(RasterSourceReal, neon_tiles_with_codes_by_site) {
  const auto root = shared_path("data/dense/neon_height_genus_biomass");
  if (!fs::exists(root)) GTEST_SKIP() << "no " << root;
  const auto source = open_source(fmt::format(
      "{{source: raster, root: {}, inputs: [{{file: examples/<scene>.tif, bands: [1]}}], tile: 50, layers: "
      "{{genus: {{file: examples/<scene>.tif, band: 2, classes: genus_codes_by_site.json}}, biomass: {{file: "
      "examples/<scene>.tif, band: 3, unit: kg}}}}}}",
      root.string()));
  EXPECT_GT(source->size(), 8);
  EXPECT_GT(source->layers()[0].class_names.size(), 15U);
  for (const double share : source->column("share.biomass").numbers) EXPECT_LT(share, 0.05);
}

// The same code is another genus at another site, and 0, the files' nodata, is none.
TEST(RasterSourceReal, neon_codes_are_read_as_their_site_means_them) {
  const auto root = shared_path("data/dense/neon_height_genus_biomass");
  if (!fs::exists(root)) GTEST_SKIP() << "no " << root;
  const auto section = [&](const std::string& scenes, const std::string& classes) {
    return fmt::format(
        "{{source: raster, root: {}, scenes: {}, tile: 100, inputs: [{{file: examples/<scene>.tif, bands: [1]}}], "
        "layers: {{genus: {{file: examples/<scene>.tif, band: 2, classes: {}}}, height: {{file: examples/<scene>.tif, "
        "unit: m, valid_max: 60}}}}}}",
        root.string(), scenes, classes);
  };
  const auto source = open_source(section("[HARV_patch_00048, UNDE_patch_00002]", "genus_codes_by_site.json"));
  ASSERT_EQ(source->size(), 2);
  const auto names = source->layers()[0].class_names;
  const std::vector<std::string> genus_of_code_1 = {"Acer", "Abies"};
  for (int64_t row = 0; row < 2; ++row) {
    const std::string scene = source->column("scene").texts[static_cast<size_t>(row)];
    const at::Tensor stored = RasterFile(root / "examples" / (scene + ".tif")).read({{0}, {1}}, {0, 0, 100, 100});
    const at::Tensor codes = stored[1], possible = stored[0].le(60);
    const at::Tensor genus = source->read_layer(0, {row})[0], height = source->read_layer(1, {row})[0];
    EXPECT_TRUE(genus.isnan().equal(codes.isnan())) << scene;
    EXPECT_TRUE(height.isnan().logical_not().equal(possible)) << scene;
    EXPECT_EQ(codes.gt(0).logical_and(possible.logical_not()).any().item<bool>(), row == 0);  // one of 120 m
    EXPECT_GT(genus.isnan().to(at::kDouble).mean().item<double>(), 0.98) << scene;
    const at::Tensor first = genus.masked_select(codes.eq(1));
    ASSERT_GT(first.numel(), 0) << scene;
    for (const double index : doubles(first))
      EXPECT_EQ(names.at(static_cast<size_t>(index)), genus_of_code_1[static_cast<size_t>(row)]) << scene;
  }
  EXPECT_THAT(input_error([&] { open_source(section("[HARV_patch_00048]", "{1: Abies, 2: Acer}")); }),
              AllOf(HasSubstr("HARV_patch_00048.tif: code "), HasSubstr("known: 1 (Abies), 2 (Acer)")));
}

}  // namespace
}  // namespace polytask
