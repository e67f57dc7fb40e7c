#include <polytask/io/raster.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/geotiff.h>
#include <support/program.h>
#include <support/temporary_directory.h>

#include <ATen/ATen.h>

#include <fstream>

namespace polytask {
namespace {

using testing::HasSubstr;

// What is learnt, besides the data.
constexpr const char* kHeights = R"(
model: {backbone: {type: unet, width: 2, depth: 2}}
tasks: {height: {type: dense_regression, target: height, head: {type: unet_decoder}}}
train: {epochs: 1}
tracking: {tensorboard: false}
)";

TEST(PredictMaps, a_scene_becomes_a_folder_of_geotiffs) {
  const TemporaryDirectory directory;
  const auto path = [&](const std::string& name) { return (directory.path() / name).string(); };
  const at::Tensor height = at::rand({48, 48}) * 20;
  write_tiff(path("a_s1.tif"), {height - 20});
  write_tiff(path("a_height.tif"), {height});
  std::ofstream(path("forest.yaml"))
      << "data: {source: raster, root: " << directory.path().string()
      << ", inputs: [{file: <scene>_s1.tif}], tile: 16, block: 16, layers: {height: {file: "
         "<scene>_height.tif, unit: m}}, split: {validation: 0.2, group: block}}\n"
      << kHeights;
  const auto call = [&](const std::string& arguments) { return run_polytask(arguments, directory.path()); };
  const auto trained = call("train " + path("forest.yaml") + " --run-dir " + path("run"));
  ASSERT_EQ(trained.status, 0) << trained.err;
  const std::string predict = "predict " + path("run") + " ";
  const auto mapped = call(predict + path("a_s1.tif") + " -o " + path("maps") + " --tile 16");
  EXPECT_EQ(mapped.status, 0) << mapped.err;
  EXPECT_THAT(mapped.out, HasSubstr("maps/height.tif"));
  EXPECT_EQ(RasterFile(path("maps/height.tif")).bands()[0].unit, "m");
  const auto table = call(predict + path("a_s1.tif") + " -o " + path("maps.csv"));
  EXPECT_EQ(table.status, 2);
  EXPECT_THAT(table.err, HasSubstr("give the name of a folder"));
  EXPECT_EQ(call(predict + path("no.tif") + " -o " + path("maps")).status, 2);
}

TEST(PredictMaps, a_run_with_a_broken_test_scene_ends_well) {
  const TemporaryDirectory directory;
  const auto path = [&](const std::string& name) { return (directory.path() / name).string(); };
  for (const char* scene : {"a", "b"}) {
    const at::Tensor height = at::rand({64, 64}) * 20;
    TestTiff radar{height - 20};
    radar.creation = {"BLOCKYSIZE=1"};
    write_tiff(path(scene + std::string("_s1.tif")), radar);
    write_tiff(path(scene + std::string("_height.tif")), {height});
  }
  truncate_file(path("b_s1.tif"));
  std::ofstream(path("forest.yaml")) << "data: {source: raster, root: " << directory.path().string()
                                     << ", inputs: [{file: <scene>_s1.tif}], layers: {height: {file: "
                                        "<scene>_height.tif, unit: m}}, tile: 16, block: 16, parts: {test: [b]}, "
                                        "split: {validation: 0.2, group: block}, on_bad_sample: skip}\n"
                                     << kHeights;
  const auto trained = run_polytask("train " + path("forest.yaml") + " --run-dir " + path("run"), directory.path());
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.out, HasSubstr("run/maps/index.html"));
}

TEST(PredictMaps, a_run_without_its_page_ends_well) {
  const TemporaryDirectory directory;
  const auto path = [&](const std::string& name) { return (directory.path() / name).string(); };
  std::ofstream(path("forest.yaml")) << "data: {source: forest, count: 24, size: 16, split: {validation: 0.2, group: "
                                        "scene}}\n"
                                     << kHeights;
  const auto call = [&](const std::string& arguments) { return run_polytask(arguments, directory.path()); };
  ASSERT_EQ(call("train " + path("forest.yaml") + " --run-dir " + path("run")).status, 0);
  std::filesystem::remove_all(path("run/maps"));
  std::filesystem::create_directories(path("run/maps/index.html"));
  const auto resumed = call("train --resume " + path("run"));
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("there is no page of maps"));
}

}  // namespace
}  // namespace polytask
