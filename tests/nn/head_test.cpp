#include "support.h"

#include <polytask/nn/head.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<Level> kLevels = {{"layer1", 3, 4}, {"layer2", 5, 8}, {"pooled", 5, 0}};

HeadContext context(std::vector<Level> levels = kLevels) {
  return {"digit", std::move(levels), 4, "test.yaml:3: head"};
}

Features features() { return {at::randn({2, 3, 6, 6}), at::randn({2, 5, 3, 3}), at::randn({2, 5})}; }

std::shared_ptr<Head> make(const std::string& options, const HeadContext& where) {
  return heads().create(resolve_head(yaml(options)), where);
}

TEST(Heads, LinearReadsTheLastLevelByDefault) {
  const auto head = make("{type: linear}", context());
  const Features f = features();
  const auto p = head->named_parameters();
  const at::Tensor expected = f[2].matmul(p["fc.weight"].t()) + p["fc.bias"];
  EXPECT_TRUE(at::allclose(head->forward(f), expected, 1e-5, 1e-6));
}

TEST(Heads, SpatialLevelsArePooled) {
  const Features f = features();
  for (const bool maximum : {false, true}) {
    const auto head =
        make(fmt::format("{{type: linear, level: layer1, pool: {}}}", maximum ? "max" : "avg"), context());
    const auto p = head->named_parameters();
    const at::Tensor flat = f[0].reshape({2, 3, 36});
    const at::Tensor vector = maximum ? std::get<0>(flat.max(2)) : flat.mean(2);
    EXPECT_TRUE(at::allclose(head->forward(f), vector.matmul(p["fc.weight"].t()) + p["fc.bias"], 1e-5, 1e-6));
  }
}

TEST(Heads, MlpIsHiddenLayersThenLinear) {
  const auto head = make("{type: mlp, hidden: [7, 6], activation: tanh, level: layer2}", context());
  const Features f = features();
  const auto p = head->named_parameters();
  at::Tensor x = f[1].mean({2, 3});
  for (const char* layer : {"hidden.0.fc", "hidden.1.fc"})
    x = at::tanh(x.matmul(p[fmt::format("{}.weight", layer)].t()) + p[fmt::format("{}.bias", layer)]);
  EXPECT_TRUE(at::allclose(head->forward(f), x.matmul(p["fc.weight"].t()) + p["fc.bias"], 1e-5, 1e-6));
}

TEST(Heads, MlpTakesBatchNormAndDropout) {
  const auto head = make("{type: mlp, hidden: [64], batch_norm: true, dropout: 0.5}", context());
  EXPECT_TRUE(head->named_parameters().contains("hidden.0.bn.weight"));
  const Features f = features();
  EXPECT_FALSE(at::equal(head->forward(f), head->forward(f)));
  head->eval();
  EXPECT_TRUE(at::equal(head->forward(f), head->forward(f)));
}

TEST(Heads, UnknownLevelListsThoseThereAre) {
  const std::string message = input_error([] { make("{type: linear, level: layer9}", context()); });
  EXPECT_THAT(message, AllOf(HasSubstr("test.yaml:3: head"), HasSubstr("task \"digit\""), HasSubstr("\"layer9\""),
                             HasSubstr("layer1 (3 channels, stride 4)"), HasSubstr("pooled (vector of 5)"),
                             HasSubstr("did you mean")));
}

TEST(Heads, SpatialLevelWithoutPoolingIsRefused) {
  const std::string message = input_error([] { make("{type: linear, level: layer2, pool: none}", context()); });
  EXPECT_THAT(message, AllOf(HasSubstr("layer2 (5 channels, stride 8) is spatial"), HasSubstr("pool: avg"),
                             HasSubstr("pooled (vector of 5)")));
  const std::vector<Level> spatial = {{"map", 3, 4}};
  const std::string other = input_error([&] { make("{type: mlp, pool: none}", context(spatial)); });
  EXPECT_THAT(other, AllOf(HasSubstr("map (3 channels"), testing::Not(HasSubstr("vector level"))));
}

TEST(Heads, PoolNoneIsFineForVectors) {
  EXPECT_EQ(make("{type: linear, level: pooled, pool: none}", context())->forward(features()).size(1), 4);
}

TEST(Heads, NothingToReadIsAnError) {
  EXPECT_THAT(input_error([] { make("{type: linear}", context({})); }), HasSubstr("offers no level"));
}

TEST(Heads, EmptyHiddenIsAnError) {
  EXPECT_THAT(input_error([] { make("{type: mlp, hidden: []}", context()); }), HasSubstr("head type linear"));
}

TEST(ResolveHead, DefaultsToLinearAndIsIdempotent) {
  const Node linear = resolve_head(Node());
  EXPECT_EQ(write_yaml(linear), write_yaml(yaml("{type: linear, level: \"\", pool: avg}")));
  const Node mlp = resolve_head(yaml("{type: mlp, hidden: 8}"));
  EXPECT_EQ(write_yaml(resolve_head(mlp)), write_yaml(mlp));
  EXPECT_THAT(write_yaml(mlp), HasSubstr("batch_norm: false"));
}

TEST(ResolveHead, RefusesWhatIsNoHead) {
  EXPECT_THAT(input_error([] { resolve_head(yaml("{type: lineer}")); }), HasSubstr("did you mean \"linear\""));
  EXPECT_THAT(input_error([] { resolve_head(yaml("{type: linear, hidden: [3]}")); }), HasSubstr("unknown key"));
  EXPECT_THAT(input_error([] { resolve_head(Node::scalar_of("linear")); }), HasSubstr("{type: linear}"));
}

}  // namespace
}  // namespace polytask
