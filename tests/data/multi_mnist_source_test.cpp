#include "data/source_fixtures.h"
#include "support/shared_data.h"
#include "support/temporary_directory.h"

#include <polytask/data/data_module.h>
#include <polytask/io/idx.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <map>
#include <set>
#include <thread>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

// Digits of 3 × 3 pixels of one grey value each, which names the digit: 1 … for training, 101 … for test.
at::Tensor digits(int64_t n, int64_t first) {
  return (at::arange(n) + first).to(at::kByte).view({n, 1, 1}).repeat({1, 3, 3});
}

class MultiMnistTest : public testing::Test {
 protected:
  void SetUp() override {
    write("train-images-idx3-ubyte", digits(20, 1));
    write("train-labels-idx1-ubyte", at::arange(20).remainder(10).to(at::kByte));
    write("t10k-images-idx3-ubyte", digits(10, 101));
    write("t10k-labels-idx1-ubyte", at::arange(10).to(at::kByte));
  }
  void write(const std::string& name, const at::Tensor& values) { write_idx(at(name), values); }
  fs::path at(const std::string& name) const { return directory_.path() / name; }
  std::string section(const std::string& more = "", const std::string& layout = "canvas: 8, offset: 4, size: 0") const {
    return fmt::format("{{source: multi_mnist, root: {}, {}{}}}", directory_.path().string(), layout, more);
  }
  std::unique_ptr<Source> open(const std::string& more = "") const { return open_source(section(more)); }

  TemporaryDirectory directory_;
};

// The grey values of the two digits of a sample without overlap.
int64_t left_grey(const at::Tensor& image) { return image[0].slice(0, 0, 4).max().item<int64_t>(); }
int64_t right_grey(const at::Tensor& image) { return image[0].slice(0, 4).max().item<int64_t>(); }

TEST_F(MultiMnistTest, OneSamplePerDigitByDefault) {
  const auto source = open();
  EXPECT_EQ(source->size(), 30);
  EXPECT_EQ(source->part(19), Part::train);
  EXPECT_EQ(source->part(20), Part::test);
  EXPECT_THAT(source->column_names(), ElementsAre("left", "right"));
  EXPECT_THAT(source->inputs()[0].shape, ElementsAre(1, 8, 8));
  EXPECT_EQ(source->inputs()[0].name, "image");
  EXPECT_EQ(source->row_name(3), "multi_mnist/train[3]");
  EXPECT_EQ(source->row_name(21), "multi_mnist/test[1]");
  EXPECT_EQ(source->fingerprints().size(), 5U);
  EXPECT_THAT(input_error([&] { source->column("lef"); }), HasSubstr("did you mean \"left\"?"));
  EXPECT_THAT(input_error([&] { source->read(0, {30}); }), HasSubstr("row 30 does not exist: there are 30"));
  EXPECT_THAT(input_error([&] { source->read(0, {-1}); }), HasSubstr("row -1 does not exist"));
}

TEST_F(MultiMnistTest, PartsDoNotMixAndLabelsAreThoseOfTheDigitsShown) {
  const auto source = open(", samples: 300, test_samples: 100");
  ASSERT_EQ(source->size(), 400);
  const at::Tensor images = source->read(0, first_rows(400));
  const auto left = source->column("left").numbers, right = source->column("right").numbers;
  std::map<int64_t, int64_t> lefts;
  std::set<int64_t> rights;
  for (int64_t row = 0; row < 400; ++row) {
    const int64_t base = source->part(row) == Part::train ? 1 : 101, count = base == 1 ? 20 : 10;
    const int64_t l = left_grey(images[row]) - base, r = right_grey(images[row]) - base;
    ASSERT_TRUE(l >= 0 && l < count && r >= 0 && r < count) << row;
    EXPECT_EQ(static_cast<double>(l % 10), left[static_cast<size_t>(row)]) << row;
    EXPECT_EQ(static_cast<double>(r % 10), right[static_cast<size_t>(row)]) << row;
    ++lefts[l + base];
    rights.insert(r + base);
  }
  // Every digit is a left one equally often: 300 / 20 times in training, 100 / 10 times in test.
  EXPECT_EQ(lefts.size(), 30U);
  for (const auto& [digit, times] : lefts) EXPECT_EQ(times, digit > 100 ? 10 : 15) << digit;
  EXPECT_EQ(rights.size(), 30U);
}

TEST_F(MultiMnistTest, LeftIsTopLeftAndTheBrighterPixelCounts) {
  const auto source = open_source(section("", "canvas: 6, offset: 2, size: 0"));
  const at::Tensor images = source->read(0, first_rows(20));
  for (int64_t row = 0; row < 20; ++row) {
    const at::Tensor image = images[row][0];
    const at::Tensor left = at::zeros({6, 6}, at::kByte), right = at::zeros({6, 6}, at::kByte);
    left.slice(0, 0, 3).slice(1, 0, 3).copy_(image[0][0]);
    right.slice(0, 2, 5).slice(1, 2, 5).copy_(image[4][4]);
    EXPECT_TRUE(at::equal(image, at::maximum(left, right))) << image;
  }
}

TEST_F(MultiMnistTest, EverySampleIsAFunctionOfSeedAndNumber) {
  const auto once = open(", samples: 12"), longer = open(", samples: 50"), other = open(", samples: 50, seed: 2");
  const at::Tensor forwards = once->read(0, {0, 5, 11});
  EXPECT_TRUE(at::equal(forwards, longer->read(0, {11, 5, 0}).flip({0})));
  EXPECT_TRUE(at::equal(once->read(0, {12}), longer->read(0, {50})));  // the first of test
  EXPECT_FALSE(at::equal(longer->read(0, first_rows(50)), other->read(0, first_rows(50))));
  EXPECT_NE(longer->fingerprints().back(), other->fingerprints().back());
  OpenRequest request;
  request.seed = 2;
  EXPECT_TRUE(at::equal(open_source(section(", samples: 50"), request)->read(0, first_rows(50)),
                        other->read(0, first_rows(50))));
}

TEST_F(MultiMnistTest, ShiftsReachEveryPlaceAndNoOther) {
  const auto source = open(", samples: 400, max_shift: 1");
  const at::Tensor images = source->read(0, first_rows(400));
  std::map<std::string, int64_t> places;
  for (int64_t row = 0; row < 400; ++row) {
    const at::Tensor image = images[row][0];
    const at::Tensor lit = image.slice(0, 0, 4).nonzero(), low = image.slice(0, 4).nonzero();
    ASSERT_EQ(lit.size(0), 9);
    ASSERT_EQ(low.size(0), 9);
    ++places[fmt::format("left {} {}", lit[0][0].item<int64_t>(), lit[0][1].item<int64_t>())];
    ++places[fmt::format("right {} {}", low[0][0].item<int64_t>(), low[0][1].item<int64_t>() - 4)];
  }
  EXPECT_EQ(places.size(), 8U);  // {0, 1}² for either digit, 100 times each on average
  for (const auto& [place, times] : places) EXPECT_TRUE(times > 60 && times < 140) << place << ": " << times;
}

TEST_F(MultiMnistTest, DifferentDigitsAreDrawnAmongAllOthers) {
  const auto source = open(", samples: 2000, different: true");
  const auto left = source->column("left").numbers, right = source->column("right").numbers;
  std::map<std::pair<double, double>, int64_t> pairs;
  for (size_t row = 0; row < 2000; ++row) ++pairs[{left[row], right[row]}];
  EXPECT_EQ(pairs.size(), 90U);
  for (const auto& [pair, times] : pairs) EXPECT_NE(pair.first, pair.second) << times;
  const auto any = open(", samples: 2000");
  const auto any_left = any->column("left").numbers, any_right = any->column("right").numbers;
  int64_t equal = 0;
  for (size_t row = 0; row < 2000; ++row) equal += any_left[row] == any_right[row] ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(equal), 200, 60);
}

TEST_F(MultiMnistTest, ResizingTakesTheNearestPixel) {
  const auto whole = open(), half = open_source(section("", "canvas: 8, offset: 4, size: 4")),
             twice = open_source(section("", "canvas: 8, offset: 4, size: 16"));
  EXPECT_THAT(half->inputs()[0].shape, ElementsAre(1, 4, 4));
  const at::Tensor image = whole->read(0, {0})[0][0];
  const auto odd = at::tensor({1, 3, 5, 7}), doubled = at::arange(16).div(2, "floor").to(at::kLong);
  EXPECT_TRUE(at::equal(half->read(0, {0})[0][0], image.index_select(0, odd).index_select(1, odd)));
  EXPECT_TRUE(at::equal(twice->read(0, {0})[0][0], image.index_select(0, doubled).index_select(1, doubled)));
}

TEST_F(MultiMnistTest, WithoutTestFilesThereIsNoTestPart) {
  fs::remove(at("t10k-images-idx3-ubyte"));
  const auto source = open();
  EXPECT_EQ(source->size(), 20);
  EXPECT_EQ(source->part(19), Part::train);
  EXPECT_THAT(open_error(section(", test_samples: 5")), HasSubstr("data.test_samples: there are no test digits"));
}

TEST_F(MultiMnistTest, WhatCannotBeIsRefused) {
  EXPECT_THAT(open_error(section(", max_shift: 2")),
              AllOf(HasSubstr("data.canvas: 8 pixels"), HasSubstr("must be ≥ 9")));
  EXPECT_THAT(open_error(section(", samples: -1")), HasSubstr("samples"));
  EXPECT_THAT(open_error(section(", sample: 5")), HasSubstr("did you mean \"samples\"?"));
  write("train-labels-idx1-ubyte", at::full({20}, 4, at::kByte));
  EXPECT_THAT(open_error(section(", different: true")), HasSubstr("all train digits are 4"));
  EXPECT_EQ(open_error(section()), "");
  write("train-labels-idx1-ubyte", at::zeros({19}, at::kByte));
  EXPECT_THAT(open_error(section()), AllOf(HasSubstr("19 labels, but"), HasSubstr("has 20 images")));
  write("train-images-idx3-ubyte", at::zeros({0, 3, 3}, at::kByte));
  write("train-labels-idx1-ubyte", at::zeros({0}, at::kByte));
  EXPECT_THAT(open_error(section()), HasSubstr("there are no train digits"));
  write("t10k-images-idx3-ubyte", at::zeros({10, 3, 4}, at::kByte));
  EXPECT_THAT(open_error(section()), HasSubstr("images are 3 × 4"));
  fs::remove(at("t10k-labels-idx1-ubyte"));
  EXPECT_THAT(open_error(section()), HasSubstr("no t10k-labels in"));
  fs::remove(at("train-images-idx3-ubyte"));
  EXPECT_THAT(open_error(section()), HasSubstr("no train-images in"));
  EXPECT_THAT(open_error("{source: multi_mnist}"), HasSubstr("data.root (a folder of IDX files) or data.images"));
}

TEST_F(MultiMnistTest, ThreadsReadTheSamePictures) {
  const auto source = open(", samples: 200, max_shift: 1");
  const at::Tensor expected = source->read(0, first_rows(200));
  std::vector<at::Tensor> seen(4);
  std::vector<std::thread> threads;
  for (auto& images : seen) threads.emplace_back([&] { images = source->read(0, first_rows(200)); });
  for (auto& thread : threads) thread.join();
  for (const auto& images : seen) EXPECT_TRUE(at::equal(images, expected));
}

TEST_F(MultiMnistTest, ValidationIsAShareOfTheTrainingSamples) {
  const auto target = [](const char* name) {
    TargetRequest request;
    request.task = name;
    request.expressions = {name};
    return request;
  };
  const Node node = parse_yaml(section(", samples: 100, split: {validation: 0.2}"), "data.yaml");
  const DataModule module = open_data(node, {target("left"), target("right")}, 1);
  EXPECT_EQ(module.split.train.size(), 80U);
  EXPECT_EQ(module.split.validation.size(), 20U);
  EXPECT_EQ(module.split.test.size(), 10U);
  EXPECT_TRUE(module.warnings.empty());
  const auto again = open_data(resolve_data_section(node), {target("left"), target("right")}, 1);
  EXPECT_EQ(again.split.train, module.split.train);
}

TEST_F(MultiMnistTest, OpensReadyPicturesForPrediction) {
  write("ready", open()->read(0, first_rows(3)).squeeze(1));
  OpenRequest request;
  request.paths = {at("ready").string()};
  request.specs = {{"image", {1, 8, 8}, {}}};
  const auto source = open_source(section(), request);
  EXPECT_EQ(source->size(), 3);
  EXPECT_TRUE(at::equal(source->read(0, {2}), open()->read(0, {2})));
  request.specs = {{"image", {1, 28, 28}, {}}};
  EXPECT_THAT(open_error(section(), request), HasSubstr("the model was trained on 1 × 28 × 28"));
}

// The pairs (left, right) among `digits` [N, 28, 28] whose picture on the default canvas is `picture` [36, 36].
std::vector<std::pair<int64_t, int64_t>> pairs_behind(const at::Tensor& picture, const at::Tensor& digits) {
  const auto place = [](const at::Tensor& image, int64_t corner) {
    return image.slice(-2, corner, corner + 28).slice(-1, corner, corner + 28);
  };
  const auto fitting = [&](int64_t corner) {
    return (digits <= place(picture, corner)).flatten(1).all(1).nonzero().flatten();
  };
  const at::Tensor lefts = fitting(0), rights = fitting(6);
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < lefts.size(0); ++i)
    for (int64_t j = 0; j < rights.size(0); ++j) {
      const auto l = lefts[i].item<int64_t>(), r = rights[j].item<int64_t>();
      const at::Tensor canvas = at::zeros({2, 36, 36}, at::kByte);
      place(canvas[0], 0).copy_(digits[l]);
      place(canvas[1], 6).copy_(digits[r]);
      if (at::equal(canvas.amax(0), picture)) pairs.emplace_back(l, r);
    }
  return pairs;
}

TEST(MultiMnistRealData, IsThatOfTheLiterature) {
  const auto root = shared_path("data/mnist");
  if (!fs::exists(root)) GTEST_SKIP() << "needs the MNIST files of $POLYTASK_SHARED/data/mnist";
  const auto source = open_source(fmt::format("{{source: multi_mnist, root: {}, size: 0}}", root.string()));
  ASSERT_EQ(source->size(), 70000);
  EXPECT_EQ(source->part(59999), Part::train);
  EXPECT_EQ(source->part(60000), Part::test);
  const auto left = source->column("left").numbers, right = source->column("right").numbers;
  EXPECT_EQ(std::count(left.begin(), left.begin() + 60000, 0.0), 5923);
  EXPECT_EQ(std::count(left.begin() + 60000, left.end(), 1.0), 1135);
  for (const double digit : {0.0, 5.0, 9.0})
    EXPECT_NEAR(static_cast<double>(std::count(right.begin(), right.begin() + 60000, digit)), 6000, 800) << digit;

  const auto digits = open_source(fmt::format("{{source: idx, root: {}}}", root.string()));
  auto rows = first_rows(10000);
  for (auto& row : rows) row += 60000;
  const at::Tensor test = digits->read(0, rows).squeeze(1);
  const auto labels = digits->column("label").numbers;
  for (const size_t row : {60000U, 64321U, 69999U}) {
    const auto pairs = pairs_behind(source->read(0, {static_cast<int64_t>(row)})[0][0], test);
    ASSERT_EQ(pairs.size(), 1U) << row;
    EXPECT_EQ(labels[static_cast<size_t>(60000 + pairs[0].first)], left[row]);
    EXPECT_EQ(labels[static_cast<size_t>(60000 + pairs[0].second)], right[row]);
  }
}

}  // namespace
}  // namespace polytask
