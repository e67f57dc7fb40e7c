#include "data/source_fixtures.h"
#include "support/shared_data.h"
#include "support/temporary_directory.h"

#include <polytask/data/source.h>
#include <polytask/io/idx.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <ATen/ATen.h>

#include <cmath>
#include <fstream>
#include <iterator>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

at::Tensor pictures(int64_t n, int64_t height, int64_t width, int64_t start) {
  return (at::arange(n * height * width) + start).remainder(256).to(at::kByte).view({n, height, width});
}

void gzip_in_place(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  gzFile zipped = gzopen((path.string() + ".gz").c_str(), "wb");
  gzwrite(zipped, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(zipped);
  fs::remove(path);
}

class IdxSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    write("train-images-idx3-ubyte", pictures(5, 2, 3, 0));
    write("train-labels-idx1-ubyte", at::tensor({0, 1, 2, 3, 4}, at::kByte));
    write("t10k-images-idx3-ubyte", pictures(2, 2, 3, 100));
    write("t10k-labels-idx1-ubyte", at::tensor({7, 8}, at::kByte));
  }
  void write(const std::string& name, const at::Tensor& values) { write_idx(at(name), values); }
  fs::path at(const std::string& name) const { return directory_.path() / name; }
  std::string section(const std::string& more = "") const {
    return fmt::format("{{source: idx, root: {}{}}}", directory_.path().string(), more);
  }

  TemporaryDirectory directory_;
};

TEST_F(IdxSourceTest, ReadsImagesLabelsAndParts) {
  const auto source = open_source(section());
  EXPECT_EQ(source->size(), 7);
  EXPECT_EQ(source->part(4), Part::train);
  EXPECT_EQ(source->part(5), Part::test);
  EXPECT_THAT(source->column_names(), ElementsAre("label"));
  EXPECT_THAT(source->column("label").numbers, ElementsAre(0, 1, 2, 3, 4, 7, 8));
  EXPECT_THAT(source->inputs()[0].shape, ElementsAre(1, 2, 3));
  EXPECT_EQ(source->inputs()[0].name, "image");
  const at::Tensor batch = source->read(0, {6, 1});
  EXPECT_EQ(batch.scalar_type(), at::kByte);
  EXPECT_THAT(batch.sizes(), ElementsAre(2, 1, 2, 3));
  EXPECT_THAT(doubles(batch), ElementsAre(106, 107, 108, 109, 110, 111, 6, 7, 8, 9, 10, 11));
  EXPECT_EQ(source->row_name(1), "train-images-idx3-ubyte[1]");
  EXPECT_EQ(source->row_name(6), "t10k-images-idx3-ubyte[1]");
  EXPECT_EQ(source->fingerprints().size(), 4U);
  EXPECT_THAT(input_error([&] { source->column("labels"); }), HasSubstr("did you mean \"label\"?"));
  EXPECT_THAT(input_error([&] { source->read(0, {7}); }), HasSubstr("row 7 does not exist"));
}

TEST_F(IdxSourceTest, WithoutTestFilesThePartsAreOpen) {
  fs::remove(at("t10k-images-idx3-ubyte"));
  const auto source = open_source(section());
  EXPECT_EQ(source->size(), 5);
  EXPECT_EQ(source->part(0), Part::unspecified);
}

TEST_F(IdxSourceTest, GzipAndDottedNames) {
  for (const auto* name : {"train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) gzip_in_place(at(name));
  fs::rename(at("train-labels-idx1-ubyte"), at("train-labels.idx1-ubyte"));
  fs::rename(at("train-images-idx3-ubyte.gz"), at("train-images.idx3-ubyte.gz"));
  const auto source = open_source(section());
  EXPECT_EQ(source->size(), 7);
  EXPECT_THAT(doubles(source->read(0, {0})), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(IdxSourceTest, FilesByName) {
  const auto source =
      open_source(fmt::format("{{source: idx, images: {}, labels: {}}}", at("t10k-images-idx3-ubyte").string(),
                              at("t10k-labels-idx1-ubyte").string()));
  EXPECT_EQ(source->size(), 2);
  EXPECT_THAT(source->column("label").numbers, ElementsAre(7, 8));
}

TEST_F(IdxSourceTest, MissingFilesNameWhatWasLookedFor) {
  fs::remove(at("t10k-labels-idx1-ubyte"));
  EXPECT_THAT(open_error(section()), AllOf(HasSubstr("no t10k-labels in"), HasSubstr("t10k-labels-idx1-ubyte.gz")));
  fs::remove(at("train-images-idx3-ubyte"));
  EXPECT_THAT(open_error(section()),
              AllOf(HasSubstr("no train-images in"), HasSubstr("train-images-idx3-ubyte, train-images-idx3-ubyte.gz"),
                    HasSubstr("train-images.idx3-ubyte")));
  EXPECT_THAT(open_error("{source: idx}"), HasSubstr("data.root (a folder of IDX files) or data.images"));
  EXPECT_THAT(open_error("{source: idx, images: nowhere.idx}"), HasSubstr("data.images: there is no file nowhere.idx"));
  EXPECT_THAT(open_error(section(", shuffle: true")), HasSubstr("unknown key"));
}

TEST_F(IdxSourceTest, LabelsMustMatchImages) {
  write("train-labels-idx1-ubyte", at::tensor({0, 1, 2}, at::kByte));
  EXPECT_THAT(open_error(section()), AllOf(HasSubstr("3 labels, but"), HasSubstr("has 5 images")));
  write("train-labels-idx1-ubyte", pictures(5, 1, 1, 0));
  EXPECT_THAT(open_error(section()), HasSubstr("expected labels [count], got [5, 1, 1]"));
}

TEST_F(IdxSourceTest, ImagesMustBeOfOneSize) {
  write("t10k-images-idx3-ubyte", pictures(2, 3, 3, 0));
  EXPECT_THAT(open_error(section()), AllOf(HasSubstr("images are 3 × 3"), HasSubstr("are 2 × 3")));
  write("train-images-idx3-ubyte", at::zeros({5}, at::kByte));
  EXPECT_THAT(open_error(section()), HasSubstr("expected images, unsigned bytes [count, height, width]"));
}

TEST_F(IdxSourceTest, FitsChannelStatisticsOnTrainingRows) {
  const auto source = open_source(section());
  const auto preprocess = source->fit({1, 3})[0];
  const at::Tensor seen = preprocess.apply(source->read(0, {1, 3})).to(at::kDouble);
  EXPECT_NEAR(seen.mean().item<double>(), 0, 1e-6);
  EXPECT_NEAR(seen.square().mean().item<double>(), 1, 1e-5);
  // Rows 1 and 3 hold 6 … 11 and 18 … 23: mean 14.5, variance (18 · 36 + …)/12.
  EXPECT_NEAR(preprocess.state().at("mean").item<double>(), 14.5 / 255, 1e-9);
  EXPECT_NEAR(preprocess.state().at("std").item<double>(), std::sqrt(36 + 35.0 / 12) / 255, 1e-9);
}

TEST_F(IdxSourceTest, NormalisationByConfiguration) {
  const auto values = [&](const std::string& more) {
    const auto source = open_source(section(more));
    return doubles(source->fit({0})[0].apply(source->read(0, {0})));
  };
  EXPECT_NEAR(values(", normalize: none")[5], 5.0 / 255, 1e-7);
  EXPECT_NEAR(values(", mean: [0.5], std: [2]")[5], (5.0 / 255 - 0.5) / 2, 1e-6);
  EXPECT_THAT(input_error([&] { values(", mean: [0.5]"); }), HasSubstr("must be given together"));
  EXPECT_THAT(input_error([&] { values(", mean: [0.5], std: [0]"); }), HasSubstr("data.std: 0 is out of range"));
  EXPECT_THAT(input_error([&] { values(", mean: [1, 2], std: [1]"); }),
              HasSubstr("data.mean: expected 1 or 1 numbers"));
  EXPECT_THAT(input_error([&] { values(", normalize: none, mean: [1], std: [1]"); }),
              HasSubstr("data.normalize: none"));
  EXPECT_THAT(input_error([&] { values(", normalize: imagenet"); }), HasSubstr("must be one of auto, none"));
}

TEST_F(IdxSourceTest, OpensImagesForPrediction) {
  OpenRequest request;
  request.paths = {at("t10k-images-idx3-ubyte").string(), at("train-images-idx3-ubyte").string()};
  request.specs = {{"image", {1, 2, 3}, {}}};
  const auto source = open_source(section(), request);
  EXPECT_EQ(source->size(), 7);
  EXPECT_TRUE(source->column_names().empty());
  EXPECT_EQ(source->part(0), Part::unspecified);
  EXPECT_EQ(source->row_name(2), "train-images-idx3-ubyte[0]");
  request.specs = {{"image", {1, 28, 28}, {}}};
  EXPECT_THAT(open_error(section(), request),
              HasSubstr("a sample is 1 × 2 × 3, but the model was trained on 1 × 28 × 28"));
}

TEST(IdxSourceRealData, Mnist) {
  const auto root = shared_path("data/mnist");
  if (!fs::exists(root)) GTEST_SKIP() << "needs the MNIST files of $POLYTASK_SHARED/data/mnist";
  const auto source = open_source(fmt::format("{{source: idx, root: {}}}", root.string()));
  EXPECT_EQ(source->size(), 70000);
  EXPECT_EQ(source->part(59999), Part::train);
  EXPECT_EQ(source->part(60000), Part::test);
  const auto state = source->fit(first_rows(60000))[0].state();
  EXPECT_NEAR(state.at("mean").item<double>(), 0.1307, 1e-4);
  EXPECT_NEAR(state.at("std").item<double>(), 0.3081, 1e-4);
  const auto labels = source->column("label").numbers;
  EXPECT_EQ(std::count(labels.begin(), labels.begin() + 60000, 0.0), 5923);
  EXPECT_EQ(std::count(labels.begin() + 60000, labels.end(), 1.0), 1135);
}

}  // namespace
}  // namespace polytask
