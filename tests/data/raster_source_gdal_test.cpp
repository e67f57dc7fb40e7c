#include "data/source_fixtures.h"
#include "support/geotiff.h"
#include "support/temporary_directory.h"

#include <polytask/data/sources/raster_files.h>
#include <polytask/data/sources/raster_stack.h>
#include <polytask/data/split.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <set>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void expect_values(const at::Tensor& found, const at::Tensor& expected, double tolerance = 0) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_TRUE(at::allclose(found.to(at::kDouble), expected.to(at::kDouble), 0, tolerance, true)) << found;
}

class RasterSourceTest : public testing::Test {
 protected:
  std::string save(const std::string& name, const TestTiff& tiff) { return write_tiff(directory_.path() / name, tiff); }
  std::string section(const std::string& more) const {
    return fmt::format("{{source: raster, root: {}, {}}}", directory_.path().string(), more);
  }
  std::unique_ptr<Source> open(const std::string& more, const OpenRequest& request = {}) const {
    return open_source(section(more), request);
  }
  std::string error(const std::string& more, const OpenRequest& request = {}) const {
    return input_error([&] { open(more, request); });
  }
  // Scene `name` of 8 × 8 pixels: two channels 0 … 127, height 0 … 63, one genus code in each half.
  void make_scene(const std::string& name, double shift = 0) {
    save(name + "_s1.tif", {at::arange(128, at::kFloat).view({2, 8, 8}) + shift});
    save(name + "_height.tif", {at::arange(64, at::kFloat).view({8, 8})});
    at::Tensor genus = at::full({8, 8}, 1);
    genus.slice(1, 4, 8).fill_(3);
    TestTiff codes{genus};
    codes.type = GDT_Byte;
    codes.nodata = 0;
    save(name + "_genus.tif", codes);
  }
  const std::string inputs_ = "inputs: [{file: <scene>_s1.tif}]";
  const std::string layers_ =
      "layers: {height: {file: <scene>_height.tif, unit: m}, genus: {file: <scene>_genus.tif, classes: {3: Betula, 1: "
      "Acer}}}";

  TemporaryDirectory directory_;
};

TEST_F(RasterSourceTest, tiles_with_layers_and_columns) {
  make_scene("b");
  make_scene("a", 1000);
  const auto source = open(inputs_ + ", tile: 4, " + layers_);
  ASSERT_EQ(source->size(), 8);
  EXPECT_THAT(source->inputs()[0].shape, ElementsAre(2, 4, 4));
  EXPECT_EQ(source->inputs()[0].name, "image");
  EXPECT_EQ(source->row_name(1), "a(4, 0)");
  EXPECT_EQ(source->row_name(6), "b(0, 4)");
  EXPECT_THAT(source->column("x").numbers, ElementsAre(0, 4, 0, 4, 0, 4, 0, 4));
  EXPECT_THAT(source->column("scene").texts, ElementsAre("a", "a", "a", "a", "b", "b", "b", "b"));
  const at::Tensor channels = at::arange(128, at::kFloat).view({1, 2, 8, 8});
  expect_values(source->read(0, {5, 0}),
                at::cat({channels.slice(2, 0, 4).slice(3, 4, 8), channels.slice(2, 0, 4).slice(3, 0, 4) + 1000}));
  const auto layers = source->layers();
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[0].unit, "m");
  EXPECT_THAT(layers[1].class_names, ElementsAre("Acer", "Betula"));
  expect_values(source->read_layer(0, {2}), at::arange(64).view({1, 8, 8}).slice(1, 4, 8).slice(2, 0, 4));
  expect_values(source->read_layer(1, {0, 1}), at::stack({at::zeros({4, 4}), at::ones({4, 4})}));
  EXPECT_EQ(source->fingerprints().size(), 1U);
}

TEST_F(RasterSourceTest, the_last_tiles_of_a_grid_move_inside_and_strides_overlap) {
  save("one.tif", {at::arange(70, at::kFloat).view({7, 10})});
  const auto source = open("inputs: [{file: one.tif}], tile: 4");
  EXPECT_THAT(source->column("x").numbers, ElementsAre(0, 4, 6, 0, 4, 6));
  EXPECT_THAT(source->column("y").numbers, ElementsAre(0, 0, 0, 3, 3, 3));
  EXPECT_EQ(open("inputs: [{file: one.tif}], tile: 4, stride: 2")->size(), 4 * 3);
  EXPECT_THAT(error("inputs: [{file: one.tif}], tile: 8"),
              HasSubstr("scene \"one\" of 10 × 7 pixels is smaller than a tile of 8 × 8"));
}

TEST_F(RasterSourceTest, random_tiles_come_from_the_seed) {
  save("one.tif", {at::arange(400, at::kFloat).view({20, 20})});
  const std::string section = "inputs: [{file: one.tif}], tile: 4, tiles: random, count: 50";
  const auto places = [&](uint64_t seed) {
    OpenRequest request;
    request.seed = seed;
    const auto source = open(section, request);
    return std::make_pair(source->column("x").numbers, source->column("y").numbers);
  };
  EXPECT_EQ(places(1), places(1));
  EXPECT_NE(places(1), places(2));
  const auto [x, y] = places(1);
  EXPECT_THAT(error("inputs: [{file: one.tif}], tile: 4, tiles: random"), HasSubstr("data.count"));
  EXPECT_THAT(error(section + ", stride: 2"), HasSubstr("data.stride: goes with tiles: grid"));
  EXPECT_THAT(error("inputs: [{file: one.tif}], tile: 4, count: 2"), HasSubstr("data.count: goes with tiles: random"));
  EXPECT_EQ(x.size(), 50U);
  EXPECT_THAT(x, Each(AllOf(testing::Ge(0), testing::Le(16))));
  EXPECT_GT(std::set<double>(x.begin(), x.end()).size(), 8U);
}

TEST_F(RasterSourceTest, parts_by_block_share_no_pixel) {
  save("one.tif", {at::zeros({50, 47})});
  for (const std::string tiles : {"stride: 2", "tiles: random, count: 300"}) {
    const auto source = open("inputs: [{file: one.tif}], tile: 5, block: 12, gap: 2, " + tiles);
    SplitOptions options;
    options.validation = 0.25;
    options.test = 0.25;
    options.group = "block";
    const Split split = make_split(*source, options, 3);
    const auto x = source->column("x").numbers, y = source->column("y").numbers;
    at::Tensor owner = at::zeros({50, 47});
    double part = 1;
    for (const auto* rows : {&split.train, &split.validation, &split.test}) {
      ASSERT_FALSE(rows->empty());
      for (const int64_t row : *rows) {
        const auto left = static_cast<int64_t>(x[static_cast<size_t>(row)]),
                   top = static_cast<int64_t>(y[static_cast<size_t>(row)]);
        at::Tensor pixels = owner.slice(0, top, top + 5).slice(1, left, left + 5);
        EXPECT_TRUE(pixels.eq(0).logical_or(pixels.eq(part)).all().item<bool>()) << source->row_name(row);
        pixels.fill_(part);
      }
      ++part;
    }
    // The gap: columns 10 and 11 of each block but the last, which has taken up what was left.
    EXPECT_TRUE(owner.slice(1, 10, 12).eq(0).all().item<bool>());
    EXPECT_TRUE(owner.slice(0, 22, 24).eq(0).all().item<bool>());
  }
  EXPECT_THAT(error("inputs: [{file: one.tif}], tile: 5, block: 6, gap: 2"), HasSubstr("holds no tile of 5"));
  EXPECT_THAT(error("inputs: [{file: one.tif}], tile: 5, gap: 2"), HasSubstr("give data.block"));
}

TEST_F(RasterSourceTest, scenes_and_blocks_may_be_given_to_parts) {
  save("a.tif", {at::zeros({16, 16})});
  save("b.tif", {at::zeros({16, 16})});
  const std::string all = "inputs: [{file: <scene>.tif}], tile: 4, block: 8, ";
  const auto split = [&](const Source& source, double validation) {
    SplitOptions options;
    options.validation = validation;
    options.group = "block";
    return make_split(source, options, 3);
  };
  const auto names = [](const Source& source, const std::vector<int64_t>& rows) {
    std::set<std::string> result;
    const auto blocks = source.column("block").texts;
    for (const int64_t row : rows) result.insert(blocks[static_cast<size_t>(row)]);
    return result;
  };
  const auto given = open(all + "tiles: random, count: 30, parts: {test: [b], validation: [\"a/*,1\"]}");
  const Split parts = split(*given, 0);
  EXPECT_THAT(names(*given, parts.test), ElementsAre("b/0,0", "b/0,1", "b/1,0", "b/1,1"));
  EXPECT_THAT(names(*given, parts.validation), ElementsAre("a/0,1", "a/1,1"));
  EXPECT_THAT(names(*given, parts.train), ElementsAre("a/0,0", "a/1,0"));
  EXPECT_EQ(parts.train.size(), 30U);      // all that are drawn
  EXPECT_EQ(parts.validation.size(), 8U);  // a grid, as is
  EXPECT_EQ(parts.test.size(), 16U);
  const auto open_validation = open(all + "parts: {test: [b]}");
  EXPECT_EQ(split(*open_validation, 0.25).validation.size(), 4U);  // of what is left
  EXPECT_THAT(error(all + "parts: {test: [bb]}"),
              AllOf(HasSubstr("data.parts.test: there is no scene or block \"bb\""), HasSubstr("did you mean \"b\"")));
  EXPECT_THAT(error(all + "parts: {test: [b], train: [\"*/0,0\"]}"), HasSubstr("block \"b/0,0\" is given to more"));
}

TEST_F(RasterSourceTest, backscatter_comes_in_db_and_is_averaged_in_power) {
  save("s_01.tif", {at::tensor({1.0, 0.01, 0.0, kNan}, at::kDouble).view({2, 2})});
  save("s_02.tif", {at::tensor({0.1, 0.01, 0.0, 0.5}, at::kDouble).view({2, 2})});
  const auto power = open("inputs: [{file: s_01.tif, domain: power, floor: 1e-3}], tile: 2");
  expect_values(power->read(0, {0}), at::tensor({0.0, -20.0, -30.0, kNan}, at::kDouble).view({1, 1, 2, 2}), 1e-5);
  const auto mean = open("inputs: [{file: \"<scene>_*.tif\", domain: power, floor: 1e-3}], scenes: s, tile: 2");
  const at::Tensor expected =
      at::tensor({10 * std::log10(0.55), -20.0, -30.0, 10 * std::log10(0.5)}, at::kDouble).view({1, 1, 2, 2});
  expect_values(mean->read(0, {0}), expected, 1e-5);
  save("d_01.tif", {at::tensor({0.0, -20.0, kNan, kNan}, at::kDouble).view({2, 2})});
  save("d_02.tif", {at::tensor({-10.0, -20.0, kNan, -3.0}, at::kDouble).view({2, 2})});
  const auto db = open("inputs: [{file: \"<scene>_*.tif\", domain: db}], scenes: [d], tile: 2");
  expect_values(db->read(0, {0}),
                at::tensor({10 * std::log10(0.55), -20.0, kNan, -3.0}, at::kDouble).view({1, 1, 2, 2}), 1e-5);
  const auto plain = open("inputs: [{file: \"<scene>_*.tif\"}], scenes: [d], tile: 2");
  expect_values(plain->read(0, {0}), at::tensor({-5.0, -20.0, kNan, -3.0}, at::kDouble).view({1, 1, 2, 2}), 1e-5);
}

TEST_F(RasterSourceTest, bands_of_several_files_by_name_and_number) {
  TestTiff radar{at::arange(8).view({2, 2, 2})};
  radar.names = {"VV", "VH"};
  save("a/s1.tif", radar);
  save("a/dem.tif", {at::arange(100, 112).view({3, 2, 2})});
  const auto source =
      open("inputs: [{file: <scene>/s1.tif, bands: [VH]}, {file: <scene>/dem.tif, bands: [3, 1], scale: 2}], tile: 2");
  EXPECT_EQ(source->row_name(0), "a(0, 0)");
  expect_values(source->read(0, {0}),
                at::stack({at::arange(4, 8), at::arange(108, 112) * 2, at::arange(100, 104) * 2}).view({1, 3, 2, 2}));
  EXPECT_THAT(error("inputs: [{file: <scene>/s1.tif, bands: [VW]}], tile: 2"),
              AllOf(HasSubstr("a/s1.tif: there is no band \"VW\""), HasSubstr("did you mean \"VV\"")));
  EXPECT_THAT(error("inputs: [{file: <scene>/dem.tif, bands: [4]}], tile: 2"), HasSubstr("the file has 3 bands"));
}

TEST_F(RasterSourceTest, missing_pixels_and_statistics) {
  at::Tensor values = at::arange(32, at::kFloat).view({1, 4, 8});
  values.slice(2, 0, 2).fill_(-9999);
  save("a.tif", {values});
  const auto source = open("inputs: [{file: a.tif, nodata: -9999}], tile: 4");
  const auto fitted = source->fit({0, 1});
  const at::Tensor valid = values.masked_select(values.gt(-9999)).to(at::kDouble);
  EXPECT_NEAR(fitted[0].state().at("mean").item<double>(), valid.mean().item<double>(), 1e-9);
  EXPECT_NEAR(fitted[0].state().at("std").item<double>(), valid.std(false).item<double>(), 1e-9);
  EXPECT_THAT(source->column("share.image").numbers, ElementsAre(0.5, 1));
  const at::Tensor raw = source->read(0, {0});
  EXPECT_TRUE(raw.slice(3, 0, 2).isnan().all().item<bool>());
  const at::Tensor input = fitted[0].apply(raw);
  EXPECT_TRUE(input.slice(3, 0, 2).eq(0).all().item<bool>());
  EXPECT_TRUE(input.isfinite().all().item<bool>());
  EXPECT_NEAR(open("inputs: [{file: a.tif, nodata: -9999}], tile: 4")->fit({1})[0].state().at("mean").item<double>(),
              values.slice(2, 4, 8).mean().item<double>(), 1e-9);
}

TEST_F(RasterSourceTest, tiles_without_input_or_label_are_left_out) {
  at::Tensor image = at::rand({4, 16}), height = at::rand({4, 16});
  image.slice(1, 0, 4).fill_(-1);
  height.slice(1, 4, 8).fill_(kNan);
  TestTiff with_nodata{image};
  with_nodata.nodata = -1;
  save("a_i.tif", with_nodata);
  save("a_h.tif", {height});
  const std::string both = "inputs: [{file: <scene>_i.tif}], layers: {h: {file: <scene>_h.tif}}, tile: 4";
  const auto source = open(both);
  EXPECT_THAT(source->column("x").numbers, ElementsAre(8, 12));
  EXPECT_THAT(source->column("share.h").numbers, ElementsAre(1, 1));
  with_nodata.values.fill_(-1);
  save("a_i.tif", with_nodata);
  EXPECT_THAT(error(both),
              AllOf(HasSubstr("none of the 4 tiles of 1 scenes can be used"), HasSubstr("4 have no input but nodata")));
}

TEST_F(RasterSourceTest, an_unknown_code_is_named_with_its_place) {
  make_scene("a");
  const std::string tile = ", tile: 4, layers: {genus: {file: <scene>_genus.tif, classes: {1: Acer, 4: Carya}";
  EXPECT_THAT(error(inputs_ + tile + "}}"),
              AllOf(HasSubstr("a_genus.tif: code 3 at column 4, row "), HasSubstr("known: 1 (Acer), 4 (Carya)")));
  const auto source = open(inputs_ + tile + ", ignore: [3]}}");
  EXPECT_EQ(source->size(), 2);  // the right half has no label
}

TEST_F(RasterSourceTest, classes_from_json) {
  make_scene("HARV_1");
  make_scene("BART_1");
  const auto names = [&](const std::string& json) {
    write_text(directory_.path() / "classes.json", json);
    return open(inputs_ + ", tile: 8, layers: {g: {file: <scene>_genus.tif, classes: classes.json}}")
        ->layers()[0]
        .class_names;
  };
  EXPECT_THAT(names(R"({"1": "Picea", "3": "Abies"})"), ElementsAre("Picea", "Abies"));
  EXPECT_THAT(names(R"({"Abies": 3, "Picea": 1})"), ElementsAre("Picea", "Abies"));
  EXPECT_THAT(names(R"(["none", "Abies", "Acer", "Betula"])"), ElementsAre("none", "Abies", "Acer", "Betula"));
  EXPECT_THAT(
      names(R"({"HARV": {"1": "Acer", "3": "Betula"}, "BART": {"genus_code": {"1": "Abies", "3": "Acer"}, "n": 5}})"),
      ElementsAre("Abies", "Acer", "Betula"));
  const auto source = open(inputs_ + ", tile: 8, layers: {g: {file: <scene>_genus.tif, classes: classes.json}}");
  at::Tensor bart = at::zeros({8, 8}), harv = at::ones({8, 8});
  bart.slice(1, 4, 8).fill_(1);
  harv.slice(1, 4, 8).fill_(2);
  expect_values(source->read_layer(0, {0, 1}), at::stack({bart, harv}));
  EXPECT_THAT(input_error([&] { names(R"({"YELL": {"1": "Picea"}})"); }),
              AllOf(HasSubstr("scene \"BART_1\""), HasSubstr("YELL")));
  EXPECT_THAT(input_error([&] { names(R"({"YELL": {"a": "Picea"}})"); }), HasSubstr("no table of classes"));
  EXPECT_THAT(input_error([&] { names(R"({"1": "Picea", "1.0": "Abies"})"); }), HasSubstr("code 1 has two names"));
}

TEST_F(RasterSourceTest, files_that_do_not_fit_together_are_named) {
  make_scene("a");
  TestTiff shifted{at::zeros({8, 8})};
  shifted.epsg = 32634;
  save("a_height.tif", shifted);
  save("a_genus.tif", {at::ones({8, 9})});
  const auto message = error(inputs_ + ", tile: 4, " + layers_);
  EXPECT_THAT(message, AllOf(HasSubstr("scene \"a\": "), HasSubstr("height ("), HasSubstr("EPSG:32634, not EPSG:32633"),
                             HasSubstr("genus ("), HasSubstr("9 × 8 pixels, not 8 × 8")));
  shifted.epsg = 0;
  shifted.transform.reset();
  save("a_height.tif", shifted);
  const std::string height = ", tile: 4, layers: {height: {file: <scene>_height.tif}}";
  EXPECT_THAT(error(inputs_ + height), HasSubstr("no CRS, not EPSG:32633"));
  EXPECT_EQ(open(inputs_ + height + ", georeference: size")->size(), 4);
}

TEST_F(RasterSourceTest, files_that_are_missing) {
  make_scene("a");
  make_scene("b");
  fs::remove(directory_.path() / "b_height.tif");
  const auto source = open(inputs_ + ", tile: 8, " + layers_);
  EXPECT_THAT(source->column("share.height").numbers, ElementsAre(1, 0));
  EXPECT_TRUE(source->read_layer(0, {1}).isnan().all().item<bool>());
  EXPECT_THAT(error(inputs_ + ", tile: 8, layers: {h: {file: <scene>_hight.tif}}"),
              HasSubstr("data.layers.h: no scene has a file"));
  EXPECT_THAT(error(inputs_ + ", tile: 8, layers: {h: {file: a_height.tif}}"), HasSubstr("write <scene>"));
  EXPECT_THAT(error(inputs_ + ", tile: 8, scenes: [a, c]"), HasSubstr("scene \"c\": there is no file"));
  EXPECT_THAT(error("inputs: [{file: <scene>_s2.tif}]"), HasSubstr("no file matches"));
  EXPECT_THAT(error("inputs: s1.tif"), HasSubstr("expected a list of files with their bands"));
  EXPECT_THAT(error("inputs: [{file: a.tif, band: 1}]"), AllOf(HasSubstr("unknown key"), HasSubstr("bands")));
}

TEST_F(RasterSourceTest, truncated_files_are_left_to_the_loader_unless_all_are) {
  for (const std::string name : {"a", "b"}) {
    TestTiff tiff{at::rand({64, 64})};
    tiff.creation = {"BLOCKYSIZE=1"};
    save(name + ".tif", tiff);
  }
  truncate_file(directory_.path() / "b.tif");
  const auto source = open("inputs: [{file: <scene>.tif}], tile: 16");
  EXPECT_EQ(source->size(), 32);
  EXPECT_TRUE(source->column("share.image").missing(31));
  EXPECT_THAT(input_error([&] { source->read(0, {31}); }), AllOf(HasSubstr("b.tif"), HasSubstr("cannot be read")));
  EXPECT_TRUE(source->fit(first_rows(32))[0].state().at("mean").isfinite().all().item<bool>());
  EXPECT_THAT(error("inputs: [{file: <scene>.tif}], scenes: [b], tile: 64"), HasSubstr("no tile can be read"));
}

TEST_F(RasterSourceTest, a_new_scene_for_prediction) {
  make_scene("a");
  const auto options = read_options<RasterOptions>(
      parse_yaml(section("inputs: [{file: <scene>_s1.tif, bands: [2]}, {file: <scene>_height.tif, bands: [1], scale: "
                         "10}], layers: {h: {file: <scene>_height.tif}}, tile: 4"),
                 "data.yaml"),
      {"source"});
  const auto both = save("new.tif", {at::stack({at::ones({6, 9}), at::full({6, 9}, 2)})});
  const auto first = save("n1.tif", {at::stack({at::ones({6, 9}), at::full({6, 9}, 5)})}),
             second = save("n2.tif", {at::full({6, 9}, 7)});
  const at::Tensor of_one = open_scene(options, {both}).read({2, 1, 3, 3});
  expect_values(of_one, at::stack({at::ones({3, 3}), at::full({3, 3}, 20)}));
  expect_values(open_scene(options, {first, second}).read({0, 0, 1, 1}), at::tensor({5, 70}).view({2, 1, 1}));
  EXPECT_THAT(input_error([&] { open_scene(options, {second}); }),
              AllOf(HasSubstr("n2.tif"), HasSubstr("has 1 band,")));
  EXPECT_THAT(input_error([&] { open_scene(options, {both, first, second}); }), HasSubstr("got 3"));

  OpenRequest request;
  request.paths = {both};
  const auto source =
      open("inputs: [{file: <scene>_s1.tif, bands: [1, 2]}], layers: {h: {file: no.tif}}, tile: 4", request);
  EXPECT_EQ(source->size(), 6);
  EXPECT_TRUE(source->layers().empty());
  EXPECT_EQ(source->row_name(5), "new(5, 2)");
}

TEST_F(RasterSourceTest, files_of_a_new_scene_are_averaged_as_in_training) {
  const auto options = [&](const std::string& inputs) {
    return read_options<RasterOptions>(parse_yaml("{inputs: " + inputs + "}", "data.yaml"));
  };
  const auto mean = [](const RasterStack& scene) { return scene.read({0, 0, 1, 1}); };
  const auto first = save("n_01.tif", {at::stack({at::full({2, 2}, 1), at::full({2, 2}, 5)})}),
             second = save("n_02.tif", {at::stack({at::full({2, 2}, 3), at::full({2, 2}, 7)})});
  const std::string pattern = (directory_.path() / "n_*.tif").string();
  const auto one = options("[{file: \"s_*.tif\", bands: [2]}, {file: \"s_*.tif\", bands: [1]}]");
  expect_values(mean(open_scene(one, {first, second})), at::tensor({6, 2}).view({2, 1, 1}));
  expect_values(mean(open_scene(one, {pattern})), at::tensor({6, 2}).view({2, 1, 1}));
  expect_values(mean(open_scene(one, {second})), at::tensor({7, 3}).view({2, 1, 1}));
  const auto two = options("[{file: \"s_*.tif\", bands: [1]}, {file: dem.tif, bands: [2]}]");
  expect_values(mean(open_scene(two, {pattern, second})), at::tensor({2, 7}).view({2, 1, 1}));
  EXPECT_THAT(input_error([&] {
                open_scene(two, {second, pattern});
              }),
              AllOf(HasSubstr("input 2"), HasSubstr("dem.tif"), HasSubstr("2 are given")));
  EXPECT_THAT(input_error([&] { open_scene(one, {pattern + "x"}); }), HasSubstr("no file matches"));
}

TEST_F(RasterSourceTest, options_resolve_to_themselves) {
  const Node node = parse_yaml(section(inputs_ + ", " + layers_), "data.yaml");
  const Node once = sources().resolve(node);
  EXPECT_EQ(write_yaml(sources().resolve(once)), write_yaml(once));
}

TEST_F(RasterSourceTest, patterns) {
  for (const auto* name : {"HARV_1_s1.tif", "HARV_1_s1_02.tif", "BART_s1.tif", ".hidden_s1.tif", "x/x_s1.tif"})
    write_text(directory_.path() / name, "");
  EXPECT_THAT(find_scenes(directory_.path(), "<scene>_s1.tif"), ElementsAre("BART", "HARV_1"));
  EXPECT_THAT(find_scenes(directory_.path(), "<scene>/<scene>_s1.tif"), ElementsAre("x"));
  EXPECT_THAT(find_scenes(directory_.path(), "HARV_<scene>_*.tif"), ElementsAre("1"));
  EXPECT_EQ(scene_files(directory_.path(), "<scene>_s1*.tif", "HARV_1").size(), 2U);
}

}  // namespace
}  // namespace polytask
