#include "support/experiments.h"
#include "support/geotiff.h"
#include "support/temporary_directory.h"

#include <polytask/core/error.h>
#include <polytask/training/maps/map_run.h>
#include <polytask/training/train.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string message_of_input_error(const std::function<void()>& act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

// A run on a scene with three layers, trained for a moment; the training data are then taken away.
class MapRunTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory;
    at::manual_seed(3);
    const at::Tensor height = at::rand({64, 64}) * 20 + 1, code = height.gt(10).to(at::kFloat) + 1;
    const at::Tensor s1 = at::stack({height - 20 + at::randn({64, 64}), height - 30});
    write_tiff(path("data/a_s1.tif"), {s1});
    write_tiff(path("data/a_height.tif"), {height});
    write_tiff(path("data/a_genus.tif"), {code});
    train(
        configuration(R"(
name: forest
device: cpu
threads: 1
model: {backbone: {type: unet, width: 4, depth: 2}}
tasks:
  genus: {type: segmentation, target: genus, head: {type: unet_decoder}}
  height: {type: dense_regression, target: height, head: {type: unet_decoder}}
train: {epochs: 2}
tracking: {tensorboard: false}
)",
                      {"data={source: raster, root: " + path("data") +
                       ", inputs: [{file: <scene>_s1.tif, bands: [2, 1]}], tile: 32, block: 32, batch_size: 2, split: "
                       "{validation: 0.25, group: block}, layers: {height: {file: <scene>_height.tif, unit: m}, genus: "
                       "{file: <scene>_genus.tif, classes: {1: Acer, 2: Betula}}}}"}),
        {path("run"), {}});
    fs::remove_all(path("data"));
    write_tiff(path("scene.tif"), {at::rand({2, 75, 101}) * 20 - 20});
  }
  static void TearDownTestSuite() { delete directory_; }
  static std::string path(const std::string& name) { return (directory_->path() / name).string(); }

  static std::vector<fs::path> map(const std::string& scene, const std::string& output, int64_t tile = 256) {
    MapRequest request;
    request.run = path("run");
    request.scene = {scene};
    request.output = path(output);
    request.options.tile = tile;
    return map_scene(request);
  }
  static at::Tensor read(const fs::path& file) {
    const RasterFile raster(file);
    return raster.read({{0}}, {0, 0, raster.grid().width, raster.grid().height})[0];
  }

  static TemporaryDirectory* directory_;
};
TemporaryDirectory* MapRunTest::directory_ = nullptr;

TEST_F(MapRunTest, maps_of_every_task_in_its_units_without_the_training_data) {
  const auto files = map(path("scene.tif"), "maps");
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[0].filename(), "genus.tif");
  EXPECT_EQ(files[1].filename(), "genus_probability.tif");
  EXPECT_EQ(files[2].filename(), "height.tif");
  const at::Tensor probability = read(files[1]);
  EXPECT_GE(probability.min().item<double>(), 0.5);  // of the better of two
  EXPECT_LE(probability.max().item<double>(), 1);
  EXPECT_GT(read(files[2]).min().item<double>(), 0);
  EXPECT_EQ(RasterFile(files[2]).bands()[0].unit, "m");
  EXPECT_EQ(RasterFile(files[2]).grid().crs_name, "EPSG:32633");
}

// Of the run's own U-Net of two levels.
TEST_F(MapRunTest, tiles_leave_no_seam) {
  write_tiff(path("large.tif"), {at::rand({2, 275, 301}) * 20 - 20});
  for (const auto& [scene, tiles] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
           {"scene.tif", {16, 32, 64}}, {"large.tif", {100, 128, 256}}}) {
    const auto files = map(path(scene), "whole", 1000);
    const at::Tensor probability = read(files[1]), height = read(files[2]);
    for (const int64_t tile : tiles) {
      const auto tiled = map(path(scene), "tiles", tile);
      EXPECT_LT((read(tiled[1]) - probability).abs().max().item<double>(), 1e-4) << scene << " " << tile;
      EXPECT_LT((read(tiled[2]) - height).abs().max().item<double>(), 1e-4) << scene << " " << tile;
    }
  }
}

void write_radar(const fs::path& path, const at::Tensor& values, const std::string& unit) {
  RasterProduct product;
  product.grid.height = values.size(1);
  product.grid.width = values.size(2);
  product.bands.resize(2);
  for (auto& band : product.bands) band.unit = unit;
  RasterWriter writer(path, product);
  writer.write(values, 0, 0);
  writer.complete();
  writer.publish();
}

TEST_F(MapRunTest, a_run_on_linear_power_takes_scenes_in_db) {
  train(configuration(R"(
name: power
device: cpu
threads: 1
data: {source: forest, domain: linear, count: 24, size: 32, split: {validation: 0.2, group: scene}}
model: {backbone: {type: unet, width: 4, depth: 2}}
tasks: {height: {type: dense_regression, target: height, head: {type: unet_decoder}}}
train: {epochs: 1}
tracking: {tensorboard: false}
)"),
        {path("power"), {}});
  const at::Tensor db = at::rand({2, 40, 50}) * 15 - 20, power = at::pow(10.0, db / 10);
  write_radar(path("db.tif"), db, "dB");
  write_radar(path("power.tif"), power, "");
  const auto mapped = [](const std::string& scene) {
    MapRequest request;
    request.run = path("power");
    request.scene = {path(scene + ".tif")};
    request.output = path(scene);
    return read(map_scene(request).at(0));
  };
  const at::Tensor expected = mapped("power");
  EXPECT_GT(expected.std().item<double>(), 0);
  EXPECT_LT((mapped("db") - expected).abs().max().item<double>(), 1e-3);
}

TEST_F(MapRunTest, scenes_that_do_not_fit_are_refused) {
  EXPECT_TRUE(reads_rasters(path("run")));
  EXPECT_THAT(message_of_input_error([] {
                map(write_tiff(path("one.tif"), {at::rand({75, 101})}), "none");
              }),
              AllOf(HasSubstr("one.tif: there is no band \"2\""), HasSubstr("1 band")));
  EXPECT_THAT(message_of_input_error([] { map(path("no.tif"), "none"); }), HasSubstr("no.tif: no such file"));
}

}  // namespace
}  // namespace polytask
