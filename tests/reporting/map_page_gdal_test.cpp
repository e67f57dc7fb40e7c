#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/reporting/map_page.h>
#include <polytask/training/train.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/experiments.h>
#include <support/geotiff.h>
#include <support/temporary_directory.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A run whose test rows are the tiles of scene b.
class MapPageTest : public testing::Test {
 protected:
  void train_in_tiles_of(int64_t tile) {
    for (const auto& [scene, side] : std::vector<std::pair<std::string, int64_t>>{{"a", 128}, {"b", 64}}) {
      const at::Tensor height = at::rand({side, side}) * 20 + 1;
      TestTiff radar{height - 20};
      radar.creation = {"BLOCKYSIZE=1"};
      write_tiff(path(scene + "_s1.tif"), radar);
      write_tiff(path(scene + "_height.tif"), {height});
    }
    train(configuration(R"(
name: forest
device: cpu
threads: 1
model: {backbone: {type: unet, width: 2, depth: 2}}
tasks: {height: {type: dense_regression, target: height, head: {type: unet_decoder}}}
train: {epochs: 1}
tracking: {tensorboard: false}
)",
                        {"data={source: raster, root: " + path("") +
                         ", inputs: [{file: <scene>_s1.tif}], layers: {height: {file: <scene>_height.tif, unit: m}}, "
                         "parts: {test: [b]}, split: {validation: 0.25, group: block}, batch_size: 2, tile: " +
                         std::to_string(tile) + ", block: " + std::to_string(tile) + "}"}),
          {path("run"), {}});
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  TemporaryDirectory directory_;
};

TEST_F(MapPageTest, shows_rows_of_all_over_the_test_scene) {
  train_in_tiles_of(16);
  const auto page = write_map_page(path("run"));
  ASSERT_TRUE(page);
  EXPECT_THAT(read_file(*page), AllOf(HasSubstr("<td>b(0, 0)</td>"), HasSubstr(", 48)</td>")));
  EXPECT_TRUE(fs::exists(path("run/maps/height_predicted_5.png")));
}

TEST_F(MapPageTest, rows_that_can_not_be_read_are_passed_over) {
  train_in_tiles_of(16);
  truncate_file(path("b_s1.tif"));
  const auto page = write_map_page(path("run"));
  ASSERT_TRUE(page);
  EXPECT_THAT(read_file(*page), AllOf(HasSubstr("<td>b(0, 0)</td>"), Not(HasSubstr(", 48)</td>"))));
}

TEST_F(MapPageTest, without_a_row_that_can_be_read_there_is_no_page) {
  train_in_tiles_of(64);
  truncate_file(path("b_s1.tif"));
  EXPECT_FALSE(write_map_page(path("run")));
  EXPECT_FALSE(fs::exists(path("run/maps")));
}

}  // namespace
}  // namespace polytask
