#include <polytask/data/transform.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

using testing::HasSubstr;

Node options_of(const std::string& type, std::vector<std::pair<std::string, std::string>> options) {
  Node node = Node::map_of({{"type", Node::scalar_of(type)}});
  for (const auto& [key, value] : options) node.set(key, Node::scalar_of(value));
  return node;
}

at::Tensor apply(const Node& node, const at::Tensor& images, uint64_t seed = 1) {
  Random random(seed);
  return transforms().create(node)->apply(images, random);
}

at::Tensor noisy_images(int64_t n, int64_t height, int64_t width) {
  at::manual_seed(3);
  return at::randint(0, 256, {n, 2, height, width}, at::kByte);
}

TEST(Transform, AllAreDeterministicAndLeaveTheirInputAlone) {
  const at::Tensor images = noisy_images(6, 8, 8), before = images.clone();
  for (const auto& name : transforms().names()) {
    const at::Tensor once = apply(options_of(name, {}), images), again = apply(options_of(name, {}), images);
    EXPECT_TRUE(at::equal(once, again)) << name;
    EXPECT_TRUE(at::equal(images, before)) << name;
    EXPECT_EQ(once.sizes(), images.sizes()) << name;
    EXPECT_FALSE(at::equal(once.to(at::kFloat), images.to(at::kFloat))) << name;
    EXPECT_FALSE(at::equal(once, apply(options_of(name, {}), images, 2))) << name;
    EXPECT_GE(once.min().item<float>(), 0) << name;
    EXPECT_LE(once.max().item<float>(), 255) << name;
  }
}

// Each result must be the picture moved by one of the allowed steps, and the steps must vary.
TEST(Transform, ShiftMovesByWholePixels) {
  const at::Tensor images = noisy_images(40, 6, 8);
  const at::Tensor moved = apply(options_of("shift", {{"pixels", "2"}, {"fill", "7"}}), images);
  EXPECT_EQ(moved.scalar_type(), at::kByte);
  std::set<std::pair<int64_t, int64_t>> steps;
  for (int64_t i = 0; i < 40; ++i) {
    const at::Tensor padded = at::constant_pad_nd(images[i], {2, 2, 2, 2}, 7);
    int64_t fits = 0;
    for (int64_t y = -2; y <= 2; ++y) {
      for (int64_t x = -2; x <= 2; ++x) {
        if (!at::equal(padded.narrow(1, 2 - y, 6).narrow(2, 2 - x, 8), moved[i])) continue;
        ++fits;
        steps.insert({y, x});
      }
    }
    EXPECT_EQ(fits, 1) << i;
  }
  EXPECT_GT(steps.size(), 12U);
}

TEST(Transform, ShiftBeyondThePictureLeavesFill) {
  const at::Tensor moved = apply(options_of("shift", {{"pixels", "50"}}), noisy_images(30, 3, 3));
  EXPECT_EQ(moved.scalar_type(), at::kByte);
}

TEST(Transform, FlipMirrorsAboutTheStatedShare) {
  const at::Tensor images = noisy_images(400, 3, 5);
  const at::Tensor all = apply(options_of("flip", {{"horizontal", "1"}, {"vertical", "1"}}), images);
  EXPECT_TRUE(at::equal(all, images.flip({2, 3})));
  const at::Tensor some = apply(options_of("flip", {{"horizontal", "0.25"}}), images);
  int64_t mirrored = 0;
  for (int64_t i = 0; i < 400; ++i) {
    if (at::equal(some[i], images[i])) continue;
    EXPECT_TRUE(at::equal(some[i], images[i].flip({2}))) << i;
    ++mirrored;
  }
  EXPECT_NEAR(mirrored, 100, 35);
}

TEST(Transform, QuarterTurnsTurnByEachMultipleOf90Degrees) {
  const at::Tensor images = noisy_images(200, 5, 5);
  const at::Tensor turned = apply(options_of("quarter_turns", {}), images);
  std::vector<int64_t> counts(4);
  for (int64_t i = 0; i < 200; ++i)
    for (int64_t turns = 0; turns < 4; ++turns)
      counts[static_cast<size_t>(turns)] += at::equal(turned[i], images[i].rot90(turns, {1, 2}));
  EXPECT_EQ(counts[0] + counts[1] + counts[2] + counts[3], 200);
  for (const int64_t count : counts) EXPECT_NEAR(count, 50, 25);
  EXPECT_THAT(error_of([] { apply(options_of("quarter_turns", {}), noisy_images(1, 5, 6)); }), HasSubstr("5 × 6"));
}

// Labels that go along as a further channel end where their pixels do; NaN (no label) does too.
TEST(Transform, WhatMovesPixelsTakesLabelsAlong) {
  int64_t moving = 0;
  for (const auto& name : transforms().names()) {
    const Node node = options_of(name, {});
    if (transforms().create(node)->kind() != TransformKind::moves) continue;
    ++moving;
    const at::Tensor image = at::arange(30 * 36, at::kFloat).view({30, 1, 6, 6});
    at::Tensor labels = image * 2 + 1;
    labels.masked_fill_(image.remainder(7).eq(0), std::nanf(""));
    const at::Tensor moved = apply(node, at::cat({image, labels}, 1));
    const at::Tensor where = moved.select(1, 0), what = moved.select(1, 1);
    EXPECT_FALSE(at::equal(where, image.select(1, 0))) << name;
    EXPECT_TRUE(at::equal(what.isnan(), where.remainder(7).eq(0))) << name;
    EXPECT_TRUE(at::equal(what.nan_to_num(0), (where * 2 + 1).masked_fill(what.isnan(), 0))) << name;
    EXPECT_TRUE(at::equal(std::get<0>(where.flatten(1).sort(1)), image.flatten(1))) << name;
  }
  EXPECT_EQ(moving, 2);
  EXPECT_EQ(transforms().create(options_of("rotate", {}))->kind(), TransformKind::resamples);
  EXPECT_EQ(transforms().create(options_of("shift", {}))->kind(), TransformKind::resamples);
  EXPECT_EQ(transforms().create(options_of("noise", {}))->kind(), TransformKind::values);
}

// A bright spot off the centre keeps its distance from it, in pixels along both axes, in a picture that is not square.
TEST(Transform, RotateKeepsDistances) {
  at::Tensor images = at::zeros({20, 1, 21, 41}, at::kByte);
  images.select(3, 28).select(2, 10).fill_(255);  // 8 px right of the centre (20, 10)
  const at::Tensor turned = apply(options_of("rotate", {{"degrees", "90"}}), images);
  const at::Tensor x = at::arange(41, at::kFloat).view({1, 41}) - 20, y = at::arange(21, at::kFloat).view({21, 1}) - 10;
  float lowest = 100, highest = -100;
  for (int64_t i = 0; i < 20; ++i) {
    const at::Tensor weight = turned[i][0] / turned[i][0].sum();
    const float cx = (weight * x).sum().item<float>(), cy = (weight * y).sum().item<float>();
    EXPECT_NEAR(std::hypot(cx, cy), 8, 0.35) << i;
    lowest = std::min(lowest, cy);
    highest = std::max(highest, cy);
  }
  EXPECT_LT(lowest, -3);
  EXPECT_GT(highest, 3);
}

TEST(Transform, RotateOutside) {
  const at::Tensor white = at::full({5, 1, 8, 8}, 255, at::kByte);
  EXPECT_LT(apply(options_of("rotate", {{"degrees", "45"}}), white).min().item<float>(), 200);
  EXPECT_GT(apply(options_of("rotate", {{"degrees", "45"}, {"outside", "edge"}}), white).min().item<float>(), 254);
}

TEST(Transform, NoiseHasTheStatedSpread) {
  const at::Tensor grey = at::full({10, 1, 51, 51}, 128, at::kByte);
  const at::Tensor noise = apply(options_of("noise", {{"std", "12"}}), grey) - 128;
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.3);
  EXPECT_NEAR(noise.std().item<double>(), 12, 0.3);
  EXPECT_NEAR((noise / 12).pow(4).mean().item<double>(), 3, 0.2);  // normal
}

TEST(Transform, RastersTakeNoiseWithoutLimitsAndNothingMadeForPhotographs) {
  at::Tensor decibels = at::full({2, 2, 20, 20}, -12.5);
  decibels[0][0][3][4] = std::nanf("");
  const auto with_limits = [](const std::vector<std::string>& limits) {
    Node node = options_of("noise", {{"std", "0.5"}}), list = Node::sequence_of({});
    for (const auto& limit : limits) list.append(Node::scalar_of(limit));
    node.set("limits", std::move(list));
    return node;
  };
  const at::Tensor noisy = apply(with_limits({}), decibels);
  EXPECT_TRUE(at::equal(noisy.isnan(), decibels.isnan()));
  EXPECT_NEAR((noisy + 12.5).nan_to_num(0).std().item<double>(), 0.5, 0.03);
  EXPECT_THAT(error_of([&] { apply(options_of("noise", {}), decibels); }), HasSubstr("set limits: []"));
  EXPECT_THAT(error_of([&] { apply(with_limits({"1"}), decibels); }), HasSubstr("[lowest, highest]"));
  EXPECT_THAT(error_of([&] { apply(options_of("brightness_contrast", {}), decibels); }), HasSubstr("outside of 0…255"));
  EXPECT_TRUE(apply(options_of("erase", {{"fill", "-20"}, {"probability", "1"}}), decibels).eq(-20).any().item<bool>());
  EXPECT_THAT(error_of([] {
                apply(options_of("erase", {{"fill", "-20"}}), noisy_images(1, 5, 5));
              }),
              HasSubstr("no grey value"));
}

TEST(Transform, BrightnessShiftsAndContrastScales) {
  const at::Tensor images = at::randint(100, 150, {30, 1, 9, 9}, at::kByte).to(at::kFloat);
  const at::Tensor brighter = apply(options_of("brightness_contrast", {{"contrast", "0"}}), images);
  const at::Tensor offset = (brighter - images).flatten(1);
  EXPECT_LT((offset - offset.narrow(1, 0, 1)).abs().max().item<float>(), 1e-3);
  EXPECT_LE(offset.abs().max().item<float>(), 25.5F + 1e-3F);
  const at::Tensor stretched =
      apply(options_of("brightness_contrast", {{"brightness", "0"}, {"contrast", "0.5"}}), images);
  const at::Tensor ratio = stretched.flatten(1).std(1) / images.flatten(1).std(1);
  EXPECT_LT((stretched.mean({1, 2, 3}) - images.mean({1, 2, 3})).abs().max().item<float>(), 1e-2);
  EXPECT_GT(ratio.max().item<float>(), 1.2);
  EXPECT_LT(ratio.min().item<float>(), 0.8);
}

TEST(Transform, EraseBlanksASquare) {
  const at::Tensor white = at::full({50, 2, 12, 20}, 255, at::kByte);
  const at::Tensor erased = apply(options_of("erase", {{"probability", "1"}, {"size", "0.5"}, {"fill", "9"}}), white);
  for (int64_t i = 0; i < 50; ++i) {
    const at::Tensor hole = erased[i][0].eq(9);
    const int64_t rows = hole.any(1).sum().item<int64_t>(), columns = hole.any(0).sum().item<int64_t>();
    EXPECT_EQ(rows, columns) << i;
    EXPECT_EQ(hole.sum().item<int64_t>(), rows * columns) << i;
    EXPECT_LE(rows, 6) << i;
    EXPECT_TRUE(at::equal(erased[i][0], erased[i][1])) << i;
  }
}

TEST(Transform, UnknownNamesAndOptionsAreNamed) {
  EXPECT_THAT(error_of([] { transforms().create(options_of("rotat", {})); }), HasSubstr("did you mean \"rotate\""));
  EXPECT_THAT(error_of([] {
                transforms().create(options_of("rotate", {{"degree", "3"}}));
              }),
              HasSubstr("did you mean \"degrees\""));
  EXPECT_THAT(error_of([] { transforms().create(options_of("flip", {{"vertical", "2"}})); }), HasSubstr("≤ 1"));
}

}  // namespace
}  // namespace polytask
