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

TEST(PredictMaps, a_scene_becomes_a_folder_of_geotiffs) {
  const TemporaryDirectory directory;
  const auto path = [&](const std::string& name) { return (directory.path() / name).string(); };
  const at::Tensor height = at::rand({48, 48}) * 20;
  write_tiff(path("a_s1.tif"), {height - 20});
  write_tiff(path("a_height.tif"), {height});
  std::ofstream(path("forest.yaml")) << "data: {source: raster, root: " << directory.path().string()
                                     << ", inputs: [{file: <scene>_s1.tif}], tile: 16, layers: {height: {file: "
                                        "<scene>_height.tif, unit: m}}, split: {validation: 0.2}}\n"
                                        "model: {backbone: {type: unet, width: 2, depth: 2}}\n"
                                        "tasks: {height: {type: dense_regression, target: height, head: {type: "
                                        "unet_decoder}}}\n"
                                        "train: {epochs: 1}\ntracking: {tensorboard: false}\n";
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

}  // namespace
}  // namespace polytask
