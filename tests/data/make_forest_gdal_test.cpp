#include <polytask/core/progress.h>
#include <polytask/data/make.h>
#include <polytask/data/sources/forest.h>
#include <polytask/io/json.h>
#include <polytask/io/raster.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

MakeOptions options_for(const fs::path& directory, int64_t count, int64_t size) {
  set_progress_enabled(false);
  MakeOptions options;
  options.directory = directory;
  options.count = count;
  options.size = size;
  options.seed = 4;
  return options;
}

at::Tensor read_all(const fs::path& path) {
  const RasterFile file(path);
  std::vector<BandReading> bands;
  for (size_t b = 0; b < file.bands().size(); ++b) {
    bands.emplace_back();
    bands.back().band = static_cast<int64_t>(b);
  }
  return file.read(bands, {0, 0, file.grid().width, file.grid().height});
}

bool same(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(a.isnan(), b.isnan()) && at::equal(a.nan_to_num(0), b.nan_to_num(0));
}

TEST(MakeForest, ScenesReadBackAsTheyWereMade) {
  const TemporaryDirectory directory;
  make_data("forest", options_for(directory.path(), 2, 48));
  ForestOptions options;
  options.count = 2;
  options.size = 48;
  options.scene_tiles = 1;
  const ForestSource made(options, 4);
  for (int64_t scene = 0; scene < 2; ++scene) {
    const auto path = [&](const char* what) {
      return directory.path() / fmt::format("scene_00{}_{}.tif", scene, what);
    };
    EXPECT_TRUE(same(read_all(path("S1")), made.read(0, {scene})[0]));
    EXPECT_TRUE(same(read_all(path("genus")) - 1, made.read_layer(0, {scene})));
    EXPECT_TRUE(same(read_all(path("height")), made.read_layer(1, {scene})));
    EXPECT_TRUE(same(read_all(path("biomass")), made.read_layer(2, {scene})));
  }
  const RasterFile radar(directory.path() / "scene_001_S1.tif"), biomass(directory.path() / "scene_001_biomass.tif");
  EXPECT_EQ(radar.grid().crs_name, "EPSG:32632");
  EXPECT_THAT(*radar.grid().transform, ElementsAre(311200, 25, 0, 5700000, 0, -25));  // 48 · 25 m and 10 km on
  EXPECT_EQ(radar.bands().at(1).name, "VH");
  EXPECT_EQ(biomass.bands().at(0).unit, "Mg/ha");
  EXPECT_EQ(biomass.bands().at(0).nodata, -9999);
  EXPECT_EQ(read_json_file(directory.path() / "genera.json").text_or("3", ""), "Fagus");
}

// Larger than a tile and no multiple of it.
TEST(MakeForest, LargeScenesAreMadeTileByTile) {
  const TemporaryDirectory directory;
  make_data("forest", options_for(directory.path(), 1, 300));
  const at::Tensor height = read_all(directory.path() / "scene_000_height.tif");
  EXPECT_THAT(height.sizes(), ElementsAre(1, 300, 300));
  ForestOptions options;
  options.count = 4;
  options.size = 256;
  const ForestSource made(options, 4);
  EXPECT_TRUE(same(height.slice(1, 256).slice(2, 256), made.read_layer(1, {3}).slice(1, 0, 44).slice(2, 0, 44)));
}

TEST(MakeForest, ScenesOfALargerSetGo) {
  const TemporaryDirectory directory;
  make_data("forest", options_for(directory.path(), 3, 16));
  make_data("forest", options_for(directory.path(), 1, 16));
  EXPECT_TRUE(fs::exists(directory.path() / "scene_000_S1.tif"));
  EXPECT_FALSE(fs::exists(directory.path() / "scene_001_S1.tif"));
  EXPECT_FALSE(fs::exists(directory.path() / "scene_002_biomass.tif"));
}

TEST(MakeForest, MistakesAreNamed) {
  const TemporaryDirectory directory;
  const fs::path folder = directory.path() / "new";
  EXPECT_THAT(error_of([&] { make_data("forest", options_for(folder, 2, 4)); }), HasSubstr("size: 4 is out of range"));
  EXPECT_THAT(error_of([&] { make_data("forest", options_for(folder, -2, 16)); }), HasSubstr("count: -2"));
  MakeOptions divided = options_for(folder, 2, 16);
  divided.validation = 0.3;
  EXPECT_THAT(error_of([&] { make_data("forest", divided); }), HasSubstr("give data.split"));
  EXPECT_FALSE(fs::exists(folder));
}

}  // namespace
}  // namespace polytask
