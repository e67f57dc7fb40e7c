#include "sharing_support.h"

#include <polytask/nn/receptive_field.h>

#include <fmt/format.h>

namespace polytask {
namespace {

std::shared_ptr<Model> model_of(const std::string& backbone, const std::string& head, uint64_t seed = 1) {
  const auto model =
      create_model(yaml("backbone: " + backbone), context_of({1, 16, 16}, {{"map", 1, yaml(head)}}, seed));
  model->to(at::kDouble);
  model->eval();
  return model;
}

// How far along the rows the output row `at` depends on the input, at most, by the support of its gradient.
int64_t support(Model& model, int64_t size, int64_t at) {
  const at::Tensor x = at::randn({1, 1, size, 8}, at::kDouble).requires_grad_(true);
  const at::Tensor y = model.forward({{"x", x}})[0];
  (y.select(2, at) * at::randn({8}, at::kDouble)).sum().backward();
  const at::Tensor rows = x.grad().abs().sum({0, 1, 3}).nonzero().squeeze(1);
  return std::max(at - rows.min().item<int64_t>(), rows.max().item<int64_t>() - at);
}

// Depth 1, transpose: pixel p reads the skip at p ± 2, which reads the input ± 2, and the cells ⌊(p ± 2)/2⌋ below; such
// a cell c reads 2(c − 2) − 2 to 2(c + 2) + 1 + 2. For p = 1: from 2·(−1 − 2) − 2 = −8 to 2·(1 + 2) + 3 = 9: 9 on the
// left; p = 0: from 2·(−1 − 2) − 2 = −8 to 9: 9 on the right.
TEST(ReceptiveField, IsWhatHandCountingGives) {
  const auto model = model_of("{type: unet, width: 2, depth: 1}", "{type: unet_decoder}");
  const auto field = model->receptive_field(0);
  ASSERT_TRUE(field.has_value());
  EXPECT_EQ(field->radius, 9);
  EXPECT_EQ(field->stride, 2);
}

TEST(ReceptiveField, BoundsWhatPixelsDependOnAndIsReached) {
  for (const char* head : {"{type: unet_decoder}", "{type: unet_decoder, upsampling: resize_conv}",
                           "{type: unet_decoder, upsampling: resize_conv, interpolation: nearest}"})
    for (const char* backbone : {"{type: unet, width: 4, depth: 1}", "{type: unet, width: 4, depth: 2}"}) {
      SCOPED_TRACE(fmt::format("{} {}", backbone, head));
      int64_t farthest = 0;
      ReceptiveField field;
      for (const uint64_t seed : {1, 2, 3, 4}) {
        seed_torch(seed, "test");
        const auto model = model_of(backbone, head, seed);
        field = model->receptive_field(0).value();
        for (int64_t place = 0; place < field.stride; ++place)
          farthest = std::max(farthest, support(*model, 64, 32 + place));
      }
      EXPECT_EQ(farthest, field.radius);
    }
}

TEST(ReceptiveField, BoundsADeepNetworkAndAResidualOne) {
  for (const char* backbone :
       {"{type: unet, width: 2, depth: 3}", "{type: resnet18, widths: [2, 2, 2, 2], stem: small}"}) {
    seed_torch(5, "test");
    const auto model = model_of(backbone, "{type: unet_decoder}");
    const auto field = model->receptive_field(0).value();
    EXPECT_EQ(field.stride, 8);
    const int64_t size = 2 * ((field.radius + 15) / 8) * 8;
    for (int64_t place = 0; place < 8; ++place) EXPECT_LE(support(*model, size, size / 2 + place), field.radius);
  }
}

// What raster prediction does: the inner part of a tile equals the same part of the whole image.
TEST(ReceptiveField, TilesAgreeWithTheWhole) {
  for (const char* head : {"{type: unet_decoder}", "{type: unet_decoder, upsampling: resize_conv}"}) {
    seed_torch(6, "test");
    const auto model = model_of("{type: unet, width: 3, depth: 2}", head);
    const auto field = model->receptive_field(0).value();
    const at::Tensor x = at::randn({1, 1, 99, 97}, at::kDouble);
    const at::Tensor whole = model->forward({{"x", x}})[0];
    const int64_t from = 3 * field.stride, to = 91, r = field.radius;
    const at::Tensor tile = model->forward({{"x", x.slice(2, from, to).slice(3, from, to)}})[0];
    const at::Tensor inner = tile.slice(2, r, to - from - r).slice(3, r, to - from - r);
    const at::Tensor same = whole.slice(2, from + r, to - r).slice(3, from + r, to - r);
    EXPECT_GT(inner.size(2), 3);
    EXPECT_TRUE(at::allclose(inner, same, 1e-12, 1e-12));
    // Against an edge of the image nothing is lost.
    const at::Tensor corner = model->forward({{"x", x.slice(2, from).slice(3, from)}})[0];
    EXPECT_TRUE(
        at::allclose(corner.slice(2, r).slice(3, r), whole.slice(2, from + r).slice(3, from + r), 1e-12, 1e-12));
    // A tile that begins elsewhere gives something else.
    const at::Tensor shifted = model->forward({{"x", x.slice(2, from + 1, to).slice(3, from, to)}})[0];
    EXPECT_FALSE(at::allclose(shifted.slice(2, r, -r).slice(3, r, -r),
                              whole.slice(2, from + 1 + r, to - r).slice(3, from + r, to - r), 1e-6, 1e-6));
  }
}

TEST(ReceptiveField, IsOfEveryTaskOfItsModel) {
  const Node head = yaml("{type: unet_decoder}");
  for (const char* sharing : {"hard", "soft", "cross_stitch", "ltb"}) {
    const auto model =
        create_model(yaml(fmt::format("{{sharing: {}, backbone: {{type: unet, width: 2, depth: 2}}}}", sharing)),
                     context_of({1, 8, 8}, {{"a", 1, head}, {"b", 2, head}, {"c", 1, {}}}));
    EXPECT_EQ(model->receptive_field(0)->radius, model->receptive_field(1)->radius) << sharing;
    EXPECT_FALSE(model->receptive_field(2).has_value()) << sharing;  // no map
  }
}

TEST(ReceptiveField, IsNoneWhereTheWholeImageMatters) {
  EXPECT_FALSE(
      model_of("{type: unet, width: 2, depth: 1}", "{type: unet_decoder, upsampling: resize_conv, align_corners: true}")
          ->receptive_field(0)
          .has_value());
  const Node head = yaml("{type: unet_decoder}");
  const auto gated = create_model(yaml("{sharing: mmoe, backbone: {type: unet, width: 2, depth: 1}}"),
                                  context_of({1, 8, 8}, {{"a", 1, head}, {"b", 2, head}}));
  EXPECT_FALSE(gated->receptive_field(0).has_value());  // gates read the whole input
}

}  // namespace
}  // namespace polytask
