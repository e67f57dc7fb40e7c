#include <polytask/data/dataset.h>
#include <polytask/data/dense_labels.h>
#include <polytask/data/keep_labels.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const float kNone = std::numeric_limits<float>::quiet_NaN();

// Three pictures of 2 × 2 pixels (100·row + position) with a genus, some of it unknown, and a height.
std::shared_ptr<MemorySource> forest() {
  at::Tensor images =
      at::arange(4, at::kByte).view({1, 1, 2, 2}) + 100 * at::arange(3, at::kByte).view({3, 1, 1, 1}) / 2;
  auto source = std::make_shared<MemorySource>(images);
  source->add_layer({"genus", {"Abies", "Betula", "Pinus"}, ""},
                    at::tensor({0.F, 1.F, 2.F, kNone, 1.F, 1.F, 1.F, 1.F, kNone, kNone, kNone, kNone}).view({3, 2, 2}));
  source->add_layer({"height", {}, "m"}, at::arange(12, at::kFloat).view({3, 2, 2}));
  return source;
}

TargetRequest request(const std::string& layer, TargetKind kind, std::vector<std::string> names = {},
                      int64_t classes = 0) {
  TargetRequest result{"task", kind, {layer}, std::move(names), classes};
  result.dense = true;
  return result;
}

std::vector<int64_t> longs_of(const at::Tensor& t) {
  const at::Tensor flat = t.to(at::kLong).contiguous();
  return {flat.data_ptr<int64_t>(), flat.data_ptr<int64_t>() + flat.numel()};
}

TEST(DenseLabelsTest, ClassesOfALayerWithTheUnknownMasked) {
  const auto source = forest();
  const Targets targets = encode_targets(*source, request("genus", TargetKind::classes));
  EXPECT_THAT(targets.class_names, ElementsAre("Abies", "Betula", "Pinus"));
  EXPECT_EQ(targets.rows(), 3);
  const std::vector<int64_t> rows = {0};
  const auto [values, valid] = targets.dense->encode(targets.dense->read(rows), rows);
  EXPECT_THAT(longs_of(values), ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(longs_of(valid), ElementsAre(1, 1, 1, 0));
  EXPECT_EQ(values.scalar_type(), at::kLong);
}

TEST(DenseLabelsTest, NamedClassesAreReorderedAndTheOthersAreNoLabel) {
  const auto source = forest();
  const Targets targets = encode_targets(*source, request("genus", TargetKind::classes, {"Pinus", "Abies"}));
  const std::vector<int64_t> rows = {0};
  const auto [values, valid] = targets.dense->encode(targets.dense->read(rows), rows);
  EXPECT_THAT(longs_of(valid), ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(longs_of(values), ElementsAre(1, 0, 0, 0));
}

TEST(DenseLabelsTest, NumbersKeepTheirUnitAndAnAxisOfChannels) {
  const auto source = forest();
  const Targets targets = encode_targets(*source, request("height", TargetKind::real));
  EXPECT_THAT(targets.units, ElementsAre("m"));
  const std::vector<int64_t> rows = {2, 1};
  const auto [values, valid] = targets.dense->encode(targets.dense->read(rows), rows);
  EXPECT_EQ(values.sizes(), (std::vector<int64_t>{2, 1, 2, 2}));
  EXPECT_TRUE(valid.all().item<bool>());
  EXPECT_EQ(values[1][0][0][0].item<float>(), 4);
}

TEST(DenseLabelsTest, RefusesWhatIsNoLabelAndSaysWhere) {
  const auto source = forest();
  EXPECT_THAT(error_of([&] { encode_targets(*source, request("hight", TargetKind::real)); }),
              HasSubstr("no layer \"hight\"; did you mean \"height\""));
  EXPECT_THAT(error_of([&] {
                encode_targets(*source, request("genus", TargetKind::classes, {"Abies", "Pinsu"}));
              }),
              HasSubstr("\"Pinsu\" is no class of layer \"genus\"; did you mean \"Pinus\""));
  EXPECT_THAT(error_of([&] { encode_targets(*source, request("genus", TargetKind::real)); }),
              HasSubstr("holds classes"));
  EXPECT_THAT(error_of([&] { encode_targets(*source, request("height", TargetKind::classes)); }),
              HasSubstr("say how many classes there are"));
  const Targets few = encode_targets(*source, request("height", TargetKind::classes, {}, 5));
  const std::vector<int64_t> rows = {0, 1};
  EXPECT_THAT(
      error_of([&] { few.dense->encode(few.dense->read(rows), rows); }),
      HasSubstr("memory[1] (pixel x 1, y 0): layer \"height\" is 5, out of range: task \"task\" has 5 classes"));
  source->layer_values[1][0][1][0] = std::numeric_limits<float>::infinity();
  const Targets heights = encode_targets(*source, request("height", TargetKind::real));
  EXPECT_THAT(error_of([&] { heights.dense->encode(heights.dense->read(rows), rows); }),
              HasSubstr("memory[0] (pixel x 0, y 1): layer \"height\" is infinite"));
  MemorySource none(numbered_images(2));
  EXPECT_THAT(error_of([&] { encode_targets(none, request("genus", TargetKind::classes)); }),
              HasSubstr("this source has no layers; raster and forest have"));
}

std::map<std::string, Targets> both_targets(const Source& source) {
  std::map<std::string, Targets> targets;
  targets["genus"] = encode_targets(source, request("genus", TargetKind::classes));
  targets["height"] = encode_targets(source, request("height", TargetKind::real));
  return targets;
}

std::vector<std::unique_ptr<Transform>> transform_list(const std::string& type, const std::string& key,
                                                       const std::string& value) {
  std::vector<std::unique_ptr<Transform>> list;
  list.push_back(transforms().create(Node::map_of({{"type", Node::scalar_of(type)}, {key, Node::scalar_of(value)}})));
  return list;
}

TEST(DenseLabelsTest, PicturesAndLabelsMoveTogether) {
  const auto source = forest();
  const Dataset dataset(source, source->fit({}), both_targets(*source));
  const std::vector<int64_t> rows = {0};
  const Batch still = dataset.batch(rows);
  Random random(1, "test");
  const Batch moved = dataset.batch(rows, transform_list("flip", "horizontal", "1"), random);
  EXPECT_TRUE(moved.inputs.at("image").equal(still.inputs.at("image").flip({3})));
  EXPECT_TRUE(moved.targets.at("height").equal(still.targets.at("height").flip({3})));
  EXPECT_TRUE(moved.targets.at("genus").equal(still.targets.at("genus").flip({2})));
  EXPECT_TRUE(moved.valid.at("genus").equal(still.valid.at("genus").flip({2})));
  EXPECT_EQ(moved.labelled.at("genus"), 3);
}

TEST(DenseLabelsTest, TransformsThatBlurLabelsAreRefused) {
  const auto source = forest();
  const Dataset dataset(source, source->fit({}), both_targets(*source));
  EXPECT_THAT(error_of([&] { check_augmentation(dataset, transform_list("rotate", "degrees", "10")); }),
              HasSubstr("data.transforms[0]: this transform resamples pictures"));
  check_augmentation(dataset, transform_list("flip", "horizontal", "1"));
}

TEST(DenseLabelsTest, PixelsWithoutDataAreMarked) {
  at::Tensor images = at::zeros({2, 2, 2, 2});
  images[1][0][0][1] = kNone;
  auto source = std::make_shared<MemorySource>(images);
  const Dataset dataset(source, {Preprocess::for_images(source->inputs()[0], 1, {1, 1}, {1, 1})}, {});
  const Batch batch = dataset.batch(std::vector<int64_t>{0, 1});
  EXPECT_THAT(longs_of(batch.observed.at("image")), ElementsAre(1, 1, 1, 1, 1, 0, 1, 1));
  EXPECT_EQ(batch.inputs.at("image")[1][0][0][1].item<float>(), 0);
  EXPECT_EQ(batch.inputs.at("image")[1][0][0][0].item<float>(), -1);
  EXPECT_TRUE(dataset.batch(std::vector<int64_t>{0}).observed.empty());
}

TEST(DenseLabelsTest, RowsThatCanNotBeReadAreLeftOutOfEveryPart) {
  const auto source = forest();
  const auto targets = both_targets(*source);
  source->broken_layers = {1};
  source->known_unreadable = {0, 1};  // what of row 0 could not be read is nothing that a batch needs
  Split split{{0, 2}, {1}, {}};
  leave_out_unreadable(*source, {}, split);
  EXPECT_THAT(split.validation, ElementsAre(1));
  testing::internal::CaptureStderr();
  leave_out_unreadable(*source, targets, split);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("left out: memory[1]: memory[1]: broken layer"));
  EXPECT_THAT(log, HasSubstr("1 of 3 samples"));
  EXPECT_THAT(split.train, ElementsAre(0, 2));
  EXPECT_TRUE(split.validation.empty());
  Split only{{1}, {0}, {}};
  EXPECT_THAT(error_of([&] { leave_out_unreadable(*source, targets, only); }),
              HasSubstr("no training sample can be read"));
}

TEST(DenseLabelsTest, RowsWhoseLabelsAreTakenAwayHaveNone) {
  const auto source = forest();
  auto targets = both_targets(*source);
  keep_labels(targets["height"], "height", {0, 1, 2}, 0.34, 1);
  const Dataset dataset(source, source->fit({}), targets);
  EXPECT_EQ(dataset.batch(std::vector<int64_t>{0, 1, 2}).labelled.at("height"), 4);
  int64_t seen = 0;
  scan_dense(targets["height"], {0, 1, 2},
             [&](const at::Tensor& values, const at::Tensor&) { seen += values.size(0); });
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace polytask
