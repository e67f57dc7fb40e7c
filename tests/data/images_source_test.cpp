#include "data/source_fixtures.h"
#include "support/shared_data.h"
#include "support/temporary_directory.h"

#include <polytask/data/sources/sample_cache.h>
#include <polytask/data/targets.h>
#include <polytask/io/image.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <thread>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ImagesSourceTest : public testing::Test {
 protected:
  // One colour per image, so that its bytes tell which it is.
  void picture(const std::string& name, int64_t value, int64_t height = 2, int64_t width = 3) {
    fs::create_directories(at(name).parent_path());
    write_png(at(name), at::full({3, height, width}, value, at::kByte));
  }
  fs::path at(const std::string& name) const { return directory_.path() / name; }
  std::string annotate(const std::string& name, const std::string& text) {
    write_text(at(name), text);
    return at(name).string();
  }
  std::string two_images() {
    picture("img/a.png", 10);
    picture("img/b.png", 30);
    return annotate("list.json", R"([
      {"image": "img/a.png", "label": {"model": "X", "year": 1999}, "size": [1.5, 2], "ok": true, "note": null},
      {"image": "img/b.png", "label": {"model": "", "year": null}, "size": [3], "ok": false, "split": "test"}])");
  }

  TemporaryDirectory directory_;
};

TEST_F(ImagesSourceTest, RecordsBecomeRowsAndColumns) {
  const auto source = open_source("{source: images, annotations: " + two_images() + ", units: {size.0: mm}}");
  EXPECT_EQ(source->size(), 2);
  EXPECT_THAT(source->column_names(),
              ElementsAre("label.model", "label.year", "size.0", "size.1", "ok", "note", "split"));
  EXPECT_THAT(source->column("label.model").texts, ElementsAre("X", ""));
  EXPECT_EQ(source->column("label.year").numbers[0], 1999);
  EXPECT_TRUE(source->column("label.year").missing(1));
  EXPECT_THAT(source->column("size.0").numbers, ElementsAre(1.5, 3));
  EXPECT_TRUE(source->column("size.1").missing(1));
  EXPECT_THAT(source->column("ok").numbers, ElementsAre(1, 0));
  EXPECT_THAT(source->column("split").texts, ElementsAre("", "test"));
  EXPECT_EQ(source->unit("size.0"), "mm");
  EXPECT_EQ(source->unit("ok"), "");
  EXPECT_EQ(source->part(1), Part::unspecified);
  EXPECT_EQ(source->row_name(1), "img/b.png");
  EXPECT_THAT(input_error([&] { source->column("label.modle"); }), HasSubstr("did you mean \"label.model\"?"));
  EXPECT_EQ(source->fingerprints().size(), 2U);
}

TEST_F(ImagesSourceTest, ReadsImages) {
  for (const auto* cache : {"1024", "0"}) {
    const auto source =
        open_source(fmt::format("{{source: images, annotations: {}, cache_mb: {}}}", two_images(), cache));
    EXPECT_THAT(source->inputs()[0].shape, ElementsAre(3, 2, 3));
    for (int again = 0; again < 2; ++again) {
      const at::Tensor batch = source->read(0, {1, 0, 1});
      EXPECT_EQ(batch.scalar_type(), at::kByte);
      EXPECT_THAT(batch.sizes(), ElementsAre(3, 3, 2, 3));
      EXPECT_THAT(doubles(batch.select(1, 0).select(1, 0).select(1, 0)), ElementsAre(30, 10, 30));
    }
  }
}

TEST_F(ImagesSourceTest, ChannelsAndSize) {
  const auto source = open_source("{source: images, annotations: " + two_images() + ", channels: 1, size: [4, 5]}");
  EXPECT_THAT(source->read(0, {0}).sizes(), ElementsAre(1, 1, 4, 5));
  EXPECT_THAT(open_error("{source: images, annotations: x.json, channels: 2}"), HasSubstr("must be 1 or 3"));
  EXPECT_THAT(open_error("{source: images, annotations: x.json, size: [3]}"), HasSubstr("expected height and width"));
}

TEST_F(ImagesSourceTest, AnImageOfAnotherSizeIsNamed) {
  const auto list = two_images();
  picture("img/b.png", 1, 5, 3);
  const auto source = open_source("{source: images, annotations: " + list + "}");
  EXPECT_THAT(
      input_error([&] {
        source->read(0, {0, 1});
      }),
      AllOf(HasSubstr("b.png: the image is 3 × 5 × 3"), HasSubstr("expected 3 × 2 × 3"), HasSubstr("data.size")));
}

TEST_F(ImagesSourceTest, ABrokenImageIsNamedAndLeavesTheOthersFit) {
  const auto list = two_images();
  write_text(at("img/b.png"), "no image");
  const auto source = open_source("{source: images, annotations: " + list + "}");
  EXPECT_THAT(input_error([&] { source->read(0, {1}); }), HasSubstr("b.png"));
  EXPECT_NEAR(source->fit({0, 1})[0].state().at("mean")[0].item<double>(), 10.0 / 255, 1e-9);
  EXPECT_THAT(input_error([&] { source->fit({1}); }), HasSubstr("b.png"));
  fs::remove(at("img/a.png"));
  EXPECT_THAT(open_error("{source: images, annotations: " + list + "}"), HasSubstr("a.png"));
}

TEST_F(ImagesSourceTest, RecordsMustNameAnImage) {
  const auto section = [&](const std::string& text, const std::string& more = "") {
    return "{source: images, annotations: " + annotate("bad.json", text) + more + "}";
  };
  EXPECT_THAT(open_error(section(R"([{"image": "a.png"}, {"label": 3}])")),
              HasSubstr("record 1: \"image\", the image file, is missing"));
  EXPECT_THAT(open_error(section(R"([{"picture": "a.png"}])")),
              AllOf(HasSubstr("record 0"), HasSubstr("data.image_key")));
  EXPECT_THAT(open_error(section(R"([{"image": "a.png"}])", ", image_key: photo")), HasSubstr("\"photo\""));
  EXPECT_THAT(open_error(section(R"([3])")), HasSubstr("record 0: expected keys and values"));
  EXPECT_THAT(open_error(section("[]")), HasSubstr("there are no records"));
  EXPECT_THAT(open_error(section(R"({"image": "a.png"})")), HasSubstr("expected a list of records"));
  EXPECT_THAT(open_error("{source: images, annotations: nowhere.json}"),
              HasSubstr("nowhere.json: there is no such file"));
  EXPECT_THAT(open_error("{source: images}"), HasSubstr("either annotations or train"));
  EXPECT_THAT(open_error("{source: images, annotations: a.json, test: b.json}"), HasSubstr("go with train"));
  EXPECT_THAT(open_error("{source: images, annotations: " + two_images() + ", units: {siz: mm}}"),
              HasSubstr("data.units"));
}

TEST_F(ImagesSourceTest, PartsOfJsonLinesWithAKeyAndARoot) {
  picture("pictures/a.png", 1);
  picture("pictures/b.png", 2);
  const auto train = annotate("train.jsonl", "{\"photo\": \"a.png\", \"label\": \"cat\"}\n\n");
  const auto test = annotate("test.ndjson", "{\"photo\": \"b.png\", \"label\": \"dog\"}\n");
  const auto source = open_source(fmt::format("{{source: images, train: {}, test: {}, root: {}, image_key: photo}}",
                                              train, test, at("pictures").string()));
  EXPECT_EQ(source->part(0), Part::train);
  EXPECT_EQ(source->part(1), Part::test);
  EXPECT_THAT(doubles(source->read(0, {1}).select(3, 0).select(2, 0)), ElementsAre(2, 2, 2));
}

TEST_F(ImagesSourceTest, AFolderPerClass) {
  picture("data/dog/2.png", 2);
  picture("data/cat/deep/1.png", 1);
  picture("data/cat/0.png", 0);
  write_text(at("data/cat/readme.txt"), "not an image");
  const auto source = open_source("{source: images, train: " + at("data").string() + "}");
  EXPECT_EQ(source->size(), 3);
  EXPECT_THAT(source->column("label").texts, ElementsAre("cat", "cat", "dog"));
  EXPECT_EQ(source->row_name(0), "cat/0.png");
  EXPECT_EQ(source->row_name(2), "dog/2.png");
  fs::create_directories(at("empty/cat"));
  EXPECT_THAT(open_error("{source: images, train: " + at("empty").string() + "}"),
              HasSubstr("no image in its folders"));
  EXPECT_THAT(open_error("{source: images, train: " + at("empty/cat").string() + "}"), HasSubstr("found no folder"));
}

TEST_F(ImagesSourceTest, Normalisation) {
  const auto list = two_images();
  const auto first = [&](const std::string& more) {
    const auto source = open_source("{source: images, annotations: " + list + more + "}");
    return doubles(source->fit({0, 1})[0].apply(source->read(0, {0})))[0];
  };
  EXPECT_NEAR(first(""), -1, 1e-6);  // values 10 and 30
  EXPECT_NEAR(first(", normalize: none"), 10.0 / 255, 1e-7);
  EXPECT_NEAR(first(", normalize: imagenet"), (10.0 / 255 - 0.485) / 0.229, 1e-5);
  EXPECT_THAT(input_error([&] { first(", normalize: imagenet, channels: 1"); }),
              HasSubstr("imagenet needs 3 channels"));
}

TEST_F(ImagesSourceTest, OpensFilesForPrediction) {
  const auto list = two_images();
  OpenRequest request;
  request.specs = {{"image", {3, 2, 3}, {}}};
  request.paths = {at("img").string(), at("img/b.png").string(), list};
  const auto source = open_source("{source: images, annotations: gone.json}", request);
  EXPECT_EQ(source->size(), 5);
  EXPECT_EQ(source->row_name(0), "a.png");
  EXPECT_EQ(source->row_name(2), at("img/b.png").string());
  EXPECT_THAT(doubles(source->read(0, {0, 1, 2, 3, 4}).flatten(1).select(1, 0)), ElementsAre(10, 30, 30, 10, 30));
  request.paths = {"nowhere.png"};
  EXPECT_THAT(open_error("{source: images, annotations: gone.json}", request),
              HasSubstr("nowhere.png: there is no such"));
  fs::create_directories(at("empty"));
  request.paths = {at("empty").string()};
  EXPECT_THAT(open_error("{source: images, annotations: gone.json}", request),
              HasSubstr("there is no image in this folder"));
  request.paths = {at("img/a.png").string()};
  request.specs = {{"image", {3, 9, 9}, {}}};
  const auto small = open_source("{source: images, annotations: gone.json}", request);
  EXPECT_THAT(input_error([&] { small->read(0, {0}); }), HasSubstr("expected 3 × 9 × 9"));
}

TEST(SampleCache, KeepsWhatFitsAndIsThreadSafe) {
  std::atomic<int> decoded{0};
  const auto decode = [&](int64_t row) {
    ++decoded;
    return at::full({1024, 1024}, row, at::kByte);
  };
  SampleCache cache(4, 2);  // two of the four samples fit
  cache.read({0, 1, 2, 3}, decode);
  EXPECT_EQ(decoded, 4);
  cache.read({0, 1, 2, 3}, decode);
  EXPECT_EQ(decoded, 6);

  SampleCache shared(8, 64);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int64_t row = 0; row < 8; ++row)
        if (shared.read({row}, decode)[0][5][5].item<int64_t>() != row) ++wrong;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_THAT(input_error([&] { shared.read({8}, decode); }), HasSubstr("row 8 does not exist"));
}

TEST(SampleCache, BytesAndFloatsTogetherAreFloats) {
  SampleCache cache(2, 1);
  const at::Tensor both =
      cache.read({0, 1}, [](int64_t row) { return at::ones({2}, row == 0 ? at::kByte : at::kFloat); });
  EXPECT_EQ(both.scalar_type(), at::kFloat);
}

TEST(ImagesSourceRealData, MnistMeasure) {
  const auto folder = shared_path("data/mnist_measure");
  if (!fs::exists(folder)) GTEST_SKIP() << "needs $POLYTASK_SHARED/data/mnist_measure";
  const auto source =
      open_source(fmt::format("{{source: images, annotations: {}, channels: 1, units: {{measure.width_px: px}}}}",
                              (folder / "annotations.json").string()));
  EXPECT_EQ(source->size(), 600);
  const auto splits = source->column("split").texts;
  EXPECT_EQ(std::count(splits.begin(), splits.end(), "train"), 450);
  const Targets digit = encode_targets(*source, {"digit", TargetKind::classes, {"label.digit"}, {}, 0});
  EXPECT_THAT(digit.class_names, ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
  EXPECT_THAT(doubles(digit.values.slice(0, 0, 5)), ElementsAre(7, 2, 1, 0, 4));
  EXPECT_THAT(encode_targets(*source, {"parity", TargetKind::classes, {"label.parity"}, {}, 0}).class_names,
              ElementsAre("even", "odd"));
  // The measures were computed from these pixels.
  const Targets measures =
      encode_targets(*source, {"size", TargetKind::real, {"measure.width_px", "measure.ink"}, {}, 0});
  EXPECT_THAT(measures.units, ElementsAre("px", ""));
  const at::Tensor images = source->read(0, first_rows(600)).to(at::kDouble);
  const at::Tensor ink = images.sum({1, 2, 3}) / 255;
  EXPECT_LT((ink - measures.values.select(1, 1)).abs().max().item<double>(), 1e-3);
  const at::Tensor columns = (images > 127).any(2).squeeze(1);  // [600, 28]
  const at::Tensor place = at::arange(28);
  const at::Tensor right = at::where(columns, place, at::full({1}, -1)).amax(1);
  const at::Tensor left = at::where(columns, place, at::full({1}, 99)).amin(1);
  EXPECT_EQ((right - left + 1 - measures.values.select(1, 0)).abs().max().item<double>(), 0);
}

TEST_F(ImagesSourceTest, ColumnsCanBeAFurtherInput) {
  for (const char* name : {"a", "b", "c", "d"}) picture(fmt::format("img/{}.png", name), 10);
  const std::string list = annotate("list.json", R"([{"image": "img/a.png", "turn": 1, "metres": 10, "way": "x"},
    {"image": "img/b.png", "turn": 3, "way": "y"}, {"image": "img/c.png"}, {"image": "img/d.png", "metres": 30}])");
  const std::string section = "{source: images, annotations: " + list + ", vector_input: route, vector: ";
  const auto source = open_source(section + "[turn, metres]}");
  ASSERT_EQ(source->inputs().size(), 2U);
  EXPECT_EQ(source->inputs()[1].name, "route");
  EXPECT_EQ(source->inputs()[1].columns[1].name, "metres");
  EXPECT_TRUE(at::equal(source->given(1, {2, 1, 0}), flags({false, true, true})));
  EXPECT_FALSE(source->given(1, {0, 3}).defined());
  EXPECT_FALSE(source->given(0, {2}).defined());
  const at::Tensor values = source->read(1, {1, 0});
  EXPECT_TRUE(values[0][1].isnan().item<bool>());
  EXPECT_EQ(values[1][1].item<double>(), 10);
  const auto fitted = source->fit({0, 1, 2, 3});  // without row 2, which has none of them
  EXPECT_EQ(fitted.at(1).state().at("mean")[0].item<double>(), 2);
  EXPECT_EQ(fitted.at(1).state().at("mean")[1].item<double>(), 20);
  EXPECT_EQ(source->inputs()[0].name, "image");

  EXPECT_THAT(open_error(section + "[tunr]}"), HasSubstr("did you mean \"turn\""));
  EXPECT_THAT(open_error(section + "[turn, way]}"), HasSubstr("img/a.png: column \"way\" is \"x\", a text"));
  EXPECT_THAT(input_error([&] { source->exclude_from_inputs({"turn"}); }), HasSubstr("used by a task or the split"));
  EXPECT_THAT(input_error([&] { source->fit({2}); }), HasSubstr("no training row has it"));
  EXPECT_THAT(open_error("{source: images, annotations: " + list + ", vector_input: image, vector: [turn]}"),
              HasSubstr("a name other than image"));
}

}  // namespace
}  // namespace polytask
