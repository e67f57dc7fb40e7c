#include "data/source_fixtures.h"
#include "support/geotiff.h"
#include "support/temporary_directory.h"

#include <polytask/data/data_module.h>
#include <polytask/data/dense_labels.h>
#include <polytask/data/split.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <limits>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Labels of scenes of 64 × 64 pixels with one channel, <scene>_s1.tif.
class RasterLabelsTest : public testing::Test {
 protected:
  void make_scene(const std::string& name) { save(name + "_s1.tif", at::rand({64, 64})); }
  // One strip a row, so that a part of the file is of some of its rows.
  std::string save(const std::string& name, const at::Tensor& values) {
    TestTiff tiff{values};
    tiff.creation = {"BLOCKYSIZE=1"};
    return write_tiff(directory_.path() / name, tiff);
  }
  std::string section(const std::string& more) const {
    return fmt::format("{{source: raster, root: {}, inputs: [{{file: <scene>_s1.tif}}], {}}}",
                       directory_.path().string(), more);
  }
  std::unique_ptr<Source> open(const std::string& more) const { return open_source(section(more)); }
  std::string error(const std::string& more) const {
    return input_error([&] { open(more); });
  }
  DataModule open_for_heights(const std::string& more, bool with_task = true) const {
    Node node = parse_yaml(section(more), "data.yaml");
    set_paths(node, "data");
    TargetRequest height{"height", TargetKind::real, {"height"}, {}};
    height.dense = true;
    return open_data(node, with_task ? std::vector<TargetRequest>{height} : std::vector<TargetRequest>{}, 1);
  }

  TemporaryDirectory directory_;
};

// Tiles whose labels, or whose picture, can not be read.
class UnreadableTilesTest : public RasterLabelsTest {
 protected:
  void SetUp() override {
    for (const std::string name : {"a", "b"}) {
      make_scene(name);
      save(name + "_height.tif", at::rand({64, 64}));
    }
  }
  const std::string options_ =
      "tile: 16, block: 32, parts: {validation: [\"b/0,*\"]}, batch_size: 4, layers: {height: {file: "
      "<scene>_height.tif}}";
};

TEST_F(UnreadableTilesTest, are_left_out_of_every_part_with_skip) {
  truncate_file(directory_.path() / "b_height.tif");
  const DataModule data = open_for_heights(options_ + ", on_bad_sample: skip");
  const auto unreadable = data.dataset->source().unreadable_rows();
  ASSERT_GE(unreadable.size(), 8U);
  ASSERT_LT(unreadable.size(), 16U);
  EXPECT_EQ(unreadable.back(), 31);
  EXPECT_FALSE(data.split.validation.empty());
  EXPECT_EQ(data.split.train.size() + data.split.validation.size(), 32 - unreadable.size());
  int64_t seen = 0;
  scan_dense(data.dataset->targets().at("height"), data.split.train,
             [&](const at::Tensor& values, const at::Tensor&) { seen += values.size(0); });
  EXPECT_EQ(seen, static_cast<int64_t>(data.split.train.size()));
  EXPECT_EQ(data.dataset->labels(data.split.train).size(), seen);
  Loader loader(*data.dataset, data.loader, 1, data.augment);
  loader.start(data.split.validation, 0);
  size_t validated = 0;
  while (const auto batch = loader.next()) validated += batch->rows.size();
  EXPECT_EQ(validated, data.split.validation.size());
  EXPECT_TRUE(loader.skipped().empty());
}

TEST_F(UnreadableTilesTest, stop_without_skip) {
  truncate_file(directory_.path() / "b_height.tif");
  const DataModule data = open_for_heights(options_);
  EXPECT_EQ(data.split.train.size() + data.split.validation.size(), 32U);
  const auto nothing = [](const at::Tensor&, const at::Tensor&) {};
  EXPECT_THAT(input_error([&] { scan_dense(data.dataset->targets().at("height"), data.split.train, nothing); }),
              AllOf(HasSubstr("b_height.tif"), HasSubstr("cannot be read")));
}

TEST_F(UnreadableTilesTest, of_a_layer_that_no_task_has_are_kept) {
  truncate_file(directory_.path() / "b_height.tif");
  const DataModule data = open_for_heights(options_ + ", on_bad_sample: skip", false);
  EXPECT_EQ(data.split.train.size() + data.split.validation.size(), 32U);
}

TEST_F(UnreadableTilesTest, leave_rows_to_train_on) {
  truncate_file(directory_.path() / "b_s1.tif");
  const std::string parts = ", on_bad_sample: skip, parts: {train: [\"b/0,1\", \"b/1,1\"], validation: [a, \"b/*,0\"]}";
  const std::string layers = "tile: 32, block: 32, layers: {height: {file: <scene>_height.tif}}";
  EXPECT_THAT(input_error([&] { open_for_heights(layers + parts); }),
              AllOf(HasSubstr("no training sample can be read"), HasSubstr("b_s1.tif")));
}

TEST_F(RasterLabelsTest, ignored_codes_are_no_label_without_classes_either) {
  make_scene("a");
  at::Tensor codes = at::arange(7, at::kFloat).repeat_interleave(600).slice(0, 0, 4096).reshape({64, 64});
  save("a_genus.tif", codes);
  const auto source = open("tile: 64, layers: {genus: {file: <scene>_genus.tif, ignore: [5, 6]}}");
  const at::Tensor expected = codes.masked_fill(codes.ge(5), std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(at::allclose(source->read_layer(0, {0})[0], expected, 0, 0, true));
  EXPECT_NEAR(source->column("share.genus").numbers[0], 3000.0 / 4096, 1e-12);
  TargetRequest genus{"genus", TargetKind::classes, {"genus"}, {}, 5};
  genus.dense = true;
  const Targets targets = encode_targets(*source, genus);
  const std::vector<int64_t> rows = {0};
  EXPECT_EQ(targets.dense->encode(targets.dense->read(rows), rows).second.sum().item<int64_t>(), 3000);
}

TEST_F(RasterLabelsTest, codes_that_float32_can_not_tell_apart_are_refused) {
  make_scene("a");
  save("a_genus.tif", at::full({64, 64}, 16777215.0));
  const auto layer = [](const std::string& classes) {
    return "tile: 64, layers: {genus: {file: <scene>_genus.tif, classes: " + classes + "}}";
  };
  EXPECT_THAT(error(layer("{16777216: Acer, 16777217: Betula}")),
              AllOf(HasSubstr("code 16777216 of class \"Acer\" is too large"), HasSubstr("float32")));
  EXPECT_THAT(error(layer("{Betula: -16777217}")), HasSubstr("code -16777217 of class \"Betula\""));
  EXPECT_EQ(open(layer("{16777215: Acer}, ignore: [4294967295]"))->size(), 1);
}

TEST_F(RasterLabelsTest, a_block_without_a_random_tile_may_be_named) {
  make_scene("a");
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    OpenRequest request;
    request.seed = seed;
    const std::string random = "tile: 8, tiles: random, count: 1, block: 16, parts: {train: [\"a/3,3\"]}";
    EXPECT_EQ(open_source(section(random), request)->size(), 1) << seed;
  }
  EXPECT_THAT(error("tile: 8, tiles: random, count: 1, block: 16, parts: {train: [\"a/4,3\"]}"),
              HasSubstr("there is no scene or block \"a/4,3\""));
}

TEST_F(RasterLabelsTest, tiles_of_a_scene_are_not_divided_at_random) {
  make_scene("a");
  make_scene("b");
  SplitOptions shares;
  shares.validation = 0.25;
  const auto refused = [&](const std::string& more) {
    return input_error([&] { make_split(*open(more), shares, 1); });
  };
  EXPECT_THAT(refused("tile: 16"), AllOf(HasSubstr("the 16 samples of scene \"a\""), HasSubstr("group: scene"),
                                         HasSubstr("block (the blocks that data.block cuts scenes into)")));
  EXPECT_THAT(refused("tile: 16, block: 32, parts: {test: [b, \"a/0,*\"]}"), HasSubstr("scene \"a\""));
  EXPECT_EQ(refused("tile: 64"), "") << "a tile a scene";
  shares.group = "block";
  EXPECT_EQ(refused("tile: 16, block: 32, parts: {test: [b]}"), "");
}

}  // namespace
}  // namespace polytask
