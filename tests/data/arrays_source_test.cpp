#include "data/source_fixtures.h"
#include "support/shared_data.h"
#include "support/temporary_directory.h"

#include <polytask/data/targets.h>
#include <polytask/io/npy.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// A `|S` array of one dimension, as numpy writes it.
std::string text_npy(const std::vector<std::string>& texts, size_t width) {
  std::string header =
      fmt::format("{{'descr': '|S{}', 'fortran_order': False, 'shape': ({},), }}", width, texts.size());
  header.resize(117, ' ');
  header += '\n';
  std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header;
  for (std::string text : texts) {
    text.resize(width, '\0');
    bytes += text;
  }
  return bytes;
}

class ArraysSourceTest : public testing::Test {
 protected:
  std::string save(const std::string& name, const at::Tensor& values) {
    const fs::path path = directory_.path() / name;
    fs::create_directories(path.parent_path());
    write_npy(path, values);
    return path.string();
  }
  std::string folder(const std::string& name) const { return (directory_.path() / name).string(); }
  // Three samples of four 2 × 2 channels, 0 … 47.
  std::string stack() { return save("patches.npy", at::arange(48, at::kFloat).view({3, 4, 2, 2})); }
  std::string section(const std::string& more = "") { return "{source: arrays, path: " + stack() + more + "}"; }

  TemporaryDirectory directory_;
};

TEST_F(ArraysSourceTest, AStackWithInputChannelsAndLabels) {
  const auto genus = save("genus.npy", at::tensor({3.0, 1.0, -9999.0}, at::kFloat));
  const auto measures = save("measures.npy", at::tensor({1.0, 2.0, 3.0, -1.0, 5.0, 6.0}, at::kDouble).view({3, 2}));
  write_text(directory_.path() / "sites.npy", text_npy({"Bauges", "", "Milicz"}, 8));
  const auto source = open_source(section(fmt::format(
      ", inputs: [2, 0], columns: {{genus: {}, m: {}, site: {}}}, nodata: {{genus: -9999, m.1: -1}}, units: {{m: mm}}",
      genus, measures, folder("sites.npy"))));
  EXPECT_EQ(source->size(), 3);
  EXPECT_EQ(source->part(0), Part::unspecified);
  EXPECT_EQ(source->row_name(2), "patches.npy[2]");
  EXPECT_THAT(source->inputs()[0].shape, ElementsAre(2, 2, 2));
  EXPECT_EQ(source->inputs()[0].name, "image");
  EXPECT_THAT(doubles(source->read(0, {1})), ElementsAre(24, 25, 26, 27, 16, 17, 18, 19));
  EXPECT_THAT(source->column_names(), ElementsAre("genus", "m.0", "m.1", "site"));
  EXPECT_THAT(source->column("m.0").numbers, ElementsAre(1, 3, 5));
  EXPECT_TRUE(source->column("m.1").missing(1));
  EXPECT_THAT(source->column("site").texts, ElementsAre("Bauges", "", "Milicz"));
  EXPECT_EQ(source->unit("m.1"), "mm");
  const Targets targets = encode_targets(*source, {"genus", TargetKind::classes, {"genus"}, {}, 0});
  EXPECT_THAT(targets.class_names, ElementsAre("1", "3"));
  EXPECT_THAT(doubles(targets.valid), ElementsAre(1, 1, 0));
  EXPECT_EQ(source->fingerprints().size(), 4U);
}

TEST_F(ArraysSourceTest, LayoutsOfImages) {
  const auto shape = [&](const at::Tensor& values, const std::string& more) {
    return open_source("{source: arrays, path: " + save("x.npy", values) + more + "}")->inputs()[0].shape;
  };
  EXPECT_THAT(shape(at::zeros({2, 5, 6}), ""), ElementsAre(1, 5, 6));
  EXPECT_THAT(shape(at::zeros({2, 5, 6, 3}), ", channels_last: true"), ElementsAre(3, 5, 6));
  EXPECT_THAT(shape(at::zeros({2, 5, 6, 3}), ", channels_last: true, inputs: [1]"), ElementsAre(1, 5, 6));
  EXPECT_THAT(input_error([&] { shape(at::zeros({2}), ""); }), HasSubstr("samples are single numbers"));
  EXPECT_THAT(input_error([&] { shape(at::zeros({2, 1, 1, 1, 1}), ""); }), HasSubstr("samples are 1 × 1 × 1 × 1"));
  EXPECT_THAT(input_error([&] { shape(at::zeros({2, 3, 4, 4}), ", inputs: [3]"); }), HasSubstr("no channel 3"));
  EXPECT_THAT(input_error([&] { shape(at::zeros({0, 3}), ""); }), HasSubstr("there are no samples"));
}

TEST_F(ArraysSourceTest, BytesStayBytesAndChannelsAreStandardised) {
  const auto source =
      open_source("{source: arrays, path: " + save("b.npy", at::arange(24, at::kByte).view({3, 2, 2, 2})) + "}");
  EXPECT_EQ(source->read(0, {0}).scalar_type(), at::kByte);
  const auto preprocess = source->fit({0, 1, 2})[0];
  const at::Tensor seen = preprocess.apply(source->read(0, {0, 1, 2})).to(at::kDouble);
  EXPECT_LT(seen.mean({0, 2, 3}).abs().max().item<double>(), 1e-6);
  EXPECT_LT((seen.square().mean({0, 2, 3}) - 1).abs().max().item<double>(), 1e-5);
}

TEST_F(ArraysSourceTest, FeaturesAreStandardisedLikeATable) {
  const auto path = save("f.npy", at::tensor({1.0, 10.0, 3.0, std::nan("")}, at::kDouble).view({2, 2}));
  const auto source = open_source("{source: arrays, path: " + path + "}");
  EXPECT_EQ(source->inputs()[0].name, "features");
  EXPECT_EQ(source->inputs()[0].columns[1].name, "f1");
  EXPECT_THAT(doubles(source->fit({0, 1})[0].apply(source->read(0, {0, 1}))), ElementsAre(-1, 0, 0, 1, 0, 1));
  const auto raw = open_source("{source: arrays, path: " + path + ", inputs: [0], normalize: none}");
  EXPECT_EQ(raw->inputs()[0].columns[0].name, "f0");
  EXPECT_THAT(doubles(raw->fit({0, 1})[0].apply(raw->read(0, {0, 1}))), ElementsAre(1, 3));
  const auto scaled = open_source("{source: arrays, path: " + path + ", mean: [0], std: [1]}");
  EXPECT_THAT(input_error([&] { scaled->fit({0}); }), HasSubstr("are for images"));
}

TEST_F(ArraysSourceTest, ValuesThatAreNoNumbersNameTheirRow) {
  at::Tensor values = at::zeros({3, 1, 2, 2});
  values[2][0][1][1] = std::nan("");
  const auto source = open_source("{source: arrays, path: " + save("nan.npy", values) + "}");
  EXPECT_EQ(source->read(0, {0, 1}).size(0), 2);
  EXPECT_THAT(input_error([&] { source->read(0, {0, 2}); }), HasSubstr("nan.npy[2]: input \"image\" holds a value"));
  at::Tensor features = at::zeros({2, 2});
  features[1][0] = std::numeric_limits<double>::infinity();
  const auto table = open_source("{source: arrays, path: " + save("inf.npy", features) + "}");
  EXPECT_THAT(input_error([&] { table->read(0, {1}); }), HasSubstr("inf.npy[1]: input \"features\""));
}

TEST_F(ArraysSourceTest, LabelsMustFit) {
  const auto error_with = [&](const std::string& file) { return open_error(section(", columns: {y: " + file + "}")); };
  EXPECT_THAT(error_with(save("y.npy", at::zeros({4}))), AllOf(HasSubstr("4 labels, but"), HasSubstr("has 3 samples")));
  EXPECT_THAT(error_with(save("y.npy", at::zeros({3, 2, 2}))), HasSubstr("labels per pixel are not read here"));
  EXPECT_THAT(open_error(section(", columns: {y: " + save("y.npy", at::zeros({3})) + "}, nodata: {z: 1}")),
              HasSubstr("data.nodata: there is no column \"z\""));
  EXPECT_THAT(open_error(section(", units: {z: mm}")), HasSubstr("data.units: there is no column \"z\""));
  EXPECT_THAT(open_error(section(", train: somewhere")), HasSubstr("either path (one stacked array) or train"));
  EXPECT_THAT(open_error(section(", test: somewhere")), HasSubstr("go with train"));
  EXPECT_THAT(open_error("{source: arrays, train: somewhere, columns: {y: y.npy}}"),
              HasSubstr("data.columns goes with path"));
  EXPECT_THAT(open_error("{source: arrays}"), HasSubstr("must be given"));
  write_text(directory_.path() / "t.npy", text_npy({"a"}, 1));
  EXPECT_THAT(open_error("{source: arrays, path: " + folder("t.npy") + "}"), HasSubstr("inputs must be numbers"));
}

TEST_F(ArraysSourceTest, FoldersWithAFilePerSample) {
  for (const int64_t i : {0, 2, 10}) save(fmt::format("train/image/{}.npy", i), at::full({2, 2, 3}, i, at::kFloat));
  save("train/age/0.npy", at::tensor(5.0));
  save("train/age/10.npy", at::tensor({7.0}));
  save("train/box/2.npy", at::tensor({1.0, 2.0}));
  save("test/image/0.npy", at::full({2, 2, 3}, 99, at::kFloat));
  fs::create_directories(folder("test/age"));
  const auto source =
      open_source(fmt::format("{{source: arrays, train: {}, test: {}, cache_mb: 0}}", folder("train"), folder("test")));
  EXPECT_EQ(source->size(), 4);
  EXPECT_EQ(source->part(2), Part::train);
  EXPECT_EQ(source->part(3), Part::test);
  EXPECT_EQ(source->row_name(2), folder("train/image/10.npy"));
  EXPECT_THAT(source->column_names(), ElementsAre("age", "box.0", "box.1"));
  EXPECT_EQ(source->column("age").numbers[2], 7);
  for (const int64_t row : {1, 3}) EXPECT_TRUE(source->column("age").missing(row));
  EXPECT_EQ(source->column("box.1").numbers[1], 2);
  EXPECT_THAT(doubles(source->read(0, {3, 1}).flatten(1).select(1, 0)), ElementsAre(99, 2));
  EXPECT_EQ(source->fingerprints().size(), 2U);
}

TEST_F(ArraysSourceTest, FoldersMustFit) {
  const auto section_of = [&](const std::string& more) {
    return "{source: arrays, train: " + folder("train") + more + "}";
  };
  EXPECT_THAT(open_error(section_of("")), HasSubstr("cannot read the folder"));
  fs::create_directories(folder("train/image"));
  EXPECT_THAT(open_error(section_of("")), HasSubstr("there is no .npy file"));
  save("train/image/0.npy", at::zeros({1, 2, 2}));
  save("train/image/1.npy", at::zeros({1, 3, 2}));
  save("train/depth/0.npy", at::zeros({2, 2}));
  EXPECT_THAT(open_error(section_of("")),
              AllOf(HasSubstr("labels per pixel are not read here"), HasSubstr("data.labels")));
  save("train/age/5.npy", at::tensor(1.0));
  EXPECT_THAT(open_error(section_of(", labels: [age]")), HasSubstr("there is no input of this name"));
  fs::remove(folder("train/age/5.npy"));
  const auto source = open_source(section_of(", labels: [age]"));
  EXPECT_THAT(input_error([&] { source->read(0, {0, 1}); }), HasSubstr("the sample is 1 × 3 × 2, expected 1 × 2 × 2"));
}

TEST_F(ArraysSourceTest, OpensStacksForPrediction) {
  OpenRequest request;
  request.specs = {{"image", {2, 2, 2}, {}}};
  request.paths = {stack(), save("second.npy", at::ones({1, 4, 2, 2}))};
  const std::string configured = "{source: arrays, path: gone.npy, inputs: [0, 1], columns: {y: gone.npy}}";
  const auto source = open_source(configured, request);
  EXPECT_EQ(source->size(), 4);
  EXPECT_EQ(source->row_name(3), "second.npy[0]");
  EXPECT_TRUE(source->column_names().empty());
  request.specs = {{"image", {2, 8, 8}, {}}};
  EXPECT_THAT(open_error(configured, request), HasSubstr("the model was trained on 2 × 8 × 8"));
  request.paths.push_back(save("third.npy", at::ones({1, 4, 3, 3})));
  EXPECT_THAT(open_error(configured, request), HasSubstr("third.npy: a sample is 2 × 3 × 3, but 2 × 2 × 2 in"));
}

TEST(ArraysSourceRealData, BiomassPatches) {
  const auto data = shared_path("data/dense/biomassters_sample/npy");
  if (!fs::exists(data)) GTEST_SKIP() << "needs $POLYTASK_SHARED/data/dense/biomassters_sample";
  const auto source = open_source(fmt::format("{{source: arrays, path: {}, inputs: [0, 1], columns: {{site: {}}}}}",
                                              (data / "patches_all.npy").string(), (data / "sites_all.npy").string()));
  EXPECT_EQ(source->size(), 48);
  EXPECT_THAT(source->inputs()[0].shape, ElementsAre(2, 64, 64));
  EXPECT_EQ(encode_targets(*source, {"site", TargetKind::classes, {"site"}, {}, 0}).class_names.size(), 3U);
  EXPECT_TRUE(source->fit(first_rows(48))[0].apply(source->read(0, first_rows(48))).isfinite().all().item<bool>());
}

}  // namespace
}  // namespace polytask
