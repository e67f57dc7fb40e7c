#include "support/geotiff.h"
#include "support/temporary_directory.h"

#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/training/maps/map_tiles.h>
#include <polytask/training/maps/raster_map.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <csignal>
#include <limits>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A convolution, two more on a grid of half the resolution, and one after going back: padded by zeros as a U-Net is.
at::Tensor two_level_net(const at::Tensor& input, const std::vector<at::Tensor>& weights) {
  const auto conv = [](const at::Tensor& x, const at::Tensor& w) { return at::conv2d(x, w, {}, 1, 1); };
  const at::Tensor fine = conv(input, weights[0]).relu();
  at::Tensor coarse = at::max_pool2d(fine, 2, 2, 0, 1, true);
  coarse = conv(conv(coarse, weights[1]).relu(), weights[2]).relu();
  const at::Tensor up =
      coarse.repeat_interleave(2, 2).repeat_interleave(2, 3).narrow(2, 0, input.size(2)).narrow(3, 0, input.size(3));
  return conv(at::cat({fine, up}, 1), weights[3]);
}

class RasterMapTest : public testing::Test {
 protected:
  RasterMapTest() {
    at::manual_seed(1);
    for (const auto& [out, in] : {std::pair(4, 2), std::pair(4, 4), std::pair(4, 4), std::pair(3, 8)})
      weights_.push_back(at::randn({out, in, 3, 3}) * std::sqrt(2.0 / (9 * in)));  // maps of the order of one
    options_ = read_options<RasterOptions>(parse_yaml("{inputs: [{file: s.tif}]}", "data.yaml"));
  }

  // Radius: the outer convolutions 1 + 1, the inner ones 2 · 2, pooling 1; rounded up generously it may be, never down.
  MapModel net() {
    MapModel model;
    model.products = {{"height", {}, "m"}, {"genus", {"Acer", "Betula", "Picea"}, ""}, {"genus_probability", {}, ""}};
    model.radius = 7;
    model.stride = 2;
    model.predict = [this](const at::Tensor& raw) {
      const at::Tensor output = two_level_net(raw.nan_to_num(0.0), weights_);
      const at::Tensor shares = output.softmax(1);
      return std::vector<at::Tensor>{output.select(1, 0), shares.argmax(1), shares.amax(1)};
    };
    return model;
  }
  RasterStack scene(const at::Tensor& values, const std::vector<std::string>& creation = {}) {
    TestTiff tiff{values};
    tiff.nodata = -9999;
    tiff.creation = creation;
    return open_scene(options_, {write_tiff(directory_.path() / "s.tif", tiff)});
  }
  at::Tensor map_of(const std::string& folder, const std::string& product) const {
    const RasterFile file(directory_.path() / folder / (product + ".tif"));
    return file.read({{0}}, {0, 0, file.grid().width, file.grid().height})[0];
  }
  fs::path out(const std::string& folder) const { return directory_.path() / folder; }

  TemporaryDirectory directory_;
  std::vector<at::Tensor> weights_;
  RasterOptions options_;
};

TEST_F(RasterMapTest, no_seam_between_tiles_of_any_size) {
  const auto stack = scene(at::randn({2, 147, 203}));
  MapOptions whole;
  whole.tile = 1000;
  write_maps(stack, net(), out("whole"), whole);
  const at::Tensor expected = map_of("whole", "height");
  for (const int64_t tile : {16, 37, 64, 128})
    for (const int64_t batch : {1, 3}) {
      write_maps(stack, net(), out("tiles"), {tile, batch, false});
      EXPECT_LT((map_of("tiles", "height") - expected).abs().max().item<double>(), 1e-4) << tile;
      const at::Tensor other = map_of("tiles", "genus").ne(map_of("whole", "genus"));
      EXPECT_LE(other.sum().item<int64_t>(), 3) << tile;  // rounding may decide between two that are equally probable
    }
  MapModel blind = net();
  blind.radius = 0;  // the seams that a margin avoids
  write_maps(stack, blind, out("tiles"), {64, 1, false});
  EXPECT_GT((map_of("tiles", "height") - expected).abs().max().item<double>(), 0.1);
  MapModel shifted = net();
  shifted.stride = 1;
  write_maps(stack, shifted, out("tiles"), {37, 1, false});
  EXPECT_GT((map_of("tiles", "height") - expected).abs().max().item<double>(), 0.1);
}

TEST_F(RasterMapTest, products_say_what_they_are) {
  write_maps(scene(at::randn({2, 40, 50})), net(), out("maps"), {});
  const RasterFile height(out("maps") / "height.tif"), genus(out("maps") / "genus.tif");
  EXPECT_EQ(height.grid().crs_name, "EPSG:32633");
  EXPECT_THAT(*height.grid().transform, ElementsAre(500000, 10, 0, 6000000, 0, -10));
  EXPECT_EQ(height.bands()[0].unit, "m");
  EXPECT_EQ(height.bands()[0].name, "height");
  EXPECT_EQ(height.bands()[0].nodata, -9999);
  EXPECT_EQ(genus.bands()[0].type, "uint8");
  EXPECT_EQ(genus.bands()[0].nodata, 255);
  GDALDatasetUniquePtr dataset(GDALDataset::Open((out("maps") / "genus.tif").c_str()));
  EXPECT_STREQ(dataset->GetMetadataItem("CLASS_2"), "Picea");
  EXPECT_EQ(std::distance(fs::directory_iterator(out("maps")), fs::directory_iterator()), 3);
}

TEST_F(RasterMapTest, what_the_scene_lacks_the_maps_lack) {
  at::Tensor values = at::randn({2, 60, 60});
  values.slice(1, 0, 10).fill_(-9999);
  values[0].slice(1, 50, 60).fill_(-9999);
  const auto stack = scene(values);
  write_maps(stack, net(), out("maps"), {16, 1, false});
  for (const auto* product : {"height", "genus", "genus_probability"}) {
    at::Tensor expected = at::zeros({60, 60}, at::kBool);
    expected.slice(0, 0, 10).fill_(true);
    expected.slice(1, 50, 60).fill_(true);
    EXPECT_TRUE(map_of("maps", product).isnan().equal(expected)) << product;
  }
  write_maps(stack, net(), out("maps"), {16, 1, true});
  EXPECT_EQ(map_of("maps", "height").isnan().sum().item<int64_t>(), 600);
}

TEST_F(RasterMapTest, interrupted_or_failed_it_leaves_nothing) {
  const auto stack = scene(at::randn({2, 60, 60}));
  MapModel model = net();
  int calls = 0;
  const auto predict = model.predict;
  catch_interrupts();
  model.predict = [&](const at::Tensor& raw) {
    if (++calls == 3) std::raise(SIGINT);
    return predict(raw);
  };
  EXPECT_THROW(write_maps(stack, model, out("maps"), {16, 1, false}), Interrupted);
  clear_interrupt();
  EXPECT_TRUE(fs::is_empty(out("maps")));
  model.predict = [&](const at::Tensor& raw) {
    auto maps = predict(raw);
    maps[2] = maps[2] * kNan;
    return maps;
  };
  try {
    write_maps(stack, model, out("maps"), {16, 1, false});
    ADD_FAILURE() << "no error";
  } catch (const WorkError& error) {
    EXPECT_THAT(error.what(), HasSubstr("map \"genus_probability\": the model gives a value that is not finite"));
  }
  EXPECT_TRUE(fs::is_empty(out("maps")));
  truncate_file(directory_.path() / "s.tif");
  const auto again = [&] { return open_scene(options_, {(directory_.path() / "s.tif").string()}); };
  EXPECT_THROW(write_maps(again(), net(), out("maps"), {16, 1, false}), InputError);
  EXPECT_TRUE(fs::is_empty(out("maps")));
}

TEST_F(RasterMapTest, no_map_has_its_name_where_one_can_not_be_completed) {
  const auto stack = scene(at::randn({2, 60, 60}));
  MapModel model = net();
  model.predict = [&, predict = model.predict](const at::Tensor& raw) {
    for (const auto& entry : fs::directory_iterator(out("maps")))
      if (entry.path().filename().string().find("genus_probability") != std::string::npos) fs::remove(entry.path());
    return predict(raw);
  };
  EXPECT_THROW(write_maps(stack, model, out("maps"), {}), InputError);
  EXPECT_TRUE(fs::is_empty(out("maps")));
}

TEST_F(RasterMapTest, strips_are_kept_only_while_a_scene_is_mapped) {
  const auto stack = scene(at::randn({2, 60, 60}), {"BLOCKYSIZE=1"});
  const auto usual = GDALGetCacheMax64();
  GIntBig during = 0;
  MapModel model = net();
  model.predict = [&, predict = model.predict](const at::Tensor& raw) {
    during = GDALGetCacheMax64();
    return predict(raw);
  };
  write_maps(stack, model, out("maps"), {16, 1, false});
  EXPECT_GT(during, usual);
  EXPECT_EQ(GDALGetCacheMax64(), usual);
}

TEST_F(RasterMapTest, many_classes_take_two_bytes) {
  MapModel model;
  for (int c = 0; c < 300; ++c)
    model.products.resize(1), model.products[0].class_names.push_back(fmt::format("c{}", c));
  model.products[0].name = "class";
  model.predict = [](const at::Tensor& raw) {
    return std::vector<at::Tensor>{at::full({raw.size(0), raw.size(2), raw.size(3)}, 299, at::kLong)};
  };
  write_maps(scene(at::randn({2, 5, 5})), model, out("maps"), {});
  EXPECT_TRUE(map_of("maps", "class").eq(299).all().item<bool>());
}

TEST(MapTiles, margins_end_at_the_scene_and_begin_at_strides) {
  RasterGrid grid;
  grid.width = 100;
  grid.height = 40;
  int64_t kept = 0;
  for (const auto& group : tile_groups(grid, 30, 9, 8, 2)) {
    EXPECT_LE(group.size(), 2U);
    for (const auto& [read, keep] : group) {
      EXPECT_EQ(read.x % 8, 0);
      EXPECT_EQ(keep.x % 32, 0);
      EXPECT_TRUE(read.x == 0 || keep.x - read.x >= 9);
      EXPECT_TRUE(read.x + read.width == 100 || read.x + read.width - keep.x - keep.width >= 9);
      EXPECT_EQ(read.width, group[0].read.width);
      kept += keep.width * keep.height;
    }
  }
  EXPECT_EQ(kept, 4000);
}

}  // namespace
}  // namespace polytask
