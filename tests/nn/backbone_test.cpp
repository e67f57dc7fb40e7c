#include "support.h"

#include <polytask/nn/backbones/lenet.h>
#include <polytask/nn/backbones/mlp.h>
#include <polytask/nn/backbones/resnet.h>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<Backbone> make(const std::string& options, const InputShape& shape) {
  seed_torch(3, "test");
  return backbones().create(yaml(options), shape);
}

std::vector<std::string> level_names(const Backbone& backbone) {
  std::vector<std::string> names;
  for (const auto& level : backbone.levels()) names.push_back(level.name);
  return names;
}

// Features must have the channels that the levels promise, and for spatial ones, where sizes divide, the stride.
void expect_levels_hold(Backbone& backbone, const at::Tensor& input) {
  const Features features = backbone.forward(input);
  const auto levels = backbone.levels();
  ASSERT_EQ(features.size(), levels.size());
  for (size_t i = 0; i < levels.size(); ++i) {
    EXPECT_EQ(features[i].size(0), input.size(0));
    EXPECT_EQ(features[i].size(1), levels[i].channels) << levels[i].name;
    EXPECT_EQ(features[i].dim(), levels[i].spatial() ? 4 : 2) << levels[i].name;
  }
}

TEST(Backbones, AreListedWithTheirOptions) {
  EXPECT_THAT(backbones().names(), ElementsAre("mlp", "lenet", "resnet18", "resnet34", "resnet50", "unet"));
  for (const auto& info : backbones().infos()) {
    EXPECT_FALSE(info.summary.empty()) << info.name;
    for (const auto& option : info.options()) EXPECT_FALSE(option.doc.empty()) << info.name << "." << option.name;
  }
}

TEST(Mlp, GivesALevelForEveryLayer) {
  const auto mlp = make("{type: mlp, hidden: [8, 5]}", {7});
  EXPECT_THAT(level_names(*mlp), ElementsAre("hidden1", "hidden2"));
  expect_levels_hold(*mlp, at::randn({3, 7}));
}

TEST(Mlp, IsLinearThenActivation) {
  const auto mlp = make("{type: mlp, hidden: [4], activation: tanh}", {3});
  const auto p = mlp->named_parameters();
  const at::Tensor x = at::randn({5, 3});
  const at::Tensor expected = at::tanh(x.matmul(p["hidden.0.fc.weight"].t()) + p["hidden.0.fc.bias"]);
  EXPECT_TRUE(at::allclose(mlp->forward(x)[0], expected, 1e-5, 1e-6));
}

TEST(Mlp, FlattensImages) {
  const auto mlp = make("{type: mlp, hidden: [4]}", {2, 3, 5});
  EXPECT_EQ(mlp->named_parameters()["hidden.0.fc.weight"].size(1), 30);
  expect_levels_hold(*mlp, at::randn({3, 2, 3, 5}));
}

TEST(Mlp, DropsOutInTrainingOnly) {
  const auto mlp = make("{type: mlp, hidden: [200], dropout: 0.5, activation: silu}", {4});
  const at::Tensor x = at::randn({4, 4});
  const at::Tensor dropped = mlp->forward(x)[0];
  EXPECT_NEAR((dropped == 0).to(at::kFloat).mean().item<double>(), 0.5, 0.1);
  mlp->eval();
  EXPECT_EQ((mlp->forward(x)[0] == 0).sum().item<int64_t>(), 0);
}

TEST(Mlp, HasExactGradients) {
  for (const char* activation : {"relu", "gelu", "tanh", "silu"}) {
    for (const char* norm : {"false", "true"}) {
      SCOPED_TRACE(fmt::format("{} {}", activation, norm));
      const auto mlp =
          make(fmt::format("{{type: mlp, hidden: [6, 5], activation: {}, batch_norm: {}}}", activation, norm), {4});
      mlp->to(at::kDouble);
      const at::Tensor x = at::randn({7, 4}, at::kDouble), r = at::randn({7, 5}, at::kDouble);
      expect_exact_gradients(*mlp, x, [&] { return (mlp->forward(x).back() * r).sum(); });
    }
  }
}

TEST(Activation, GeluIsTheExactOneAndTakesAnyLayoutOfGradient) {
  const at::Tensor x = at::linspace(-4, 4, 33, at::kDouble).reshape({1, 3, 11}).requires_grad_(true);
  const at::Tensor y = activation_of("gelu")(x);
  EXPECT_TRUE(at::allclose(y, at::gelu(x.detach())));
  const at::Tensor single = x.detach().to(at::kFloat).requires_grad_(true);
  const at::Tensor r = at::randn({1, 11, 3});
  (activation_of("gelu")(single).permute({0, 2, 1}) * r).sum().backward();
  (y.permute({0, 2, 1}) * r).sum().backward();
  EXPECT_TRUE(at::allclose(single.grad().to(at::kDouble), x.grad(), 1e-5, 1e-5));
}

TEST(Activation, UnknownNameIsAnError) {
  EXPECT_THAT(input_error([] { activation_of("rellu"); }), HasSubstr("did you mean \"relu\""));
  EXPECT_THAT(input_error([] { make("{type: mlp, activation: swish}", {4}); }), HasSubstr("relu, gelu, tanh, silu"));
}

TEST(Mlp, RefusesWhatCannotWork) {
  EXPECT_THAT(input_error([] { make("{type: mlp, hidden: []}", {4}); }), HasSubstr("at least one width"));
  EXPECT_THAT(input_error([] { make("{type: mlp, hidden: [0]}", {4}); }), HasSubstr("≥ 1"));
  EXPECT_THAT(input_error([] { make("{type: mlp, dropout: 1}", {4}); }), HasSubstr("< 1"));
  EXPECT_THAT(input_error([] { make("{type: mlp}", {}); }), HasSubstr("at least one value"));
  EXPECT_THAT(input_error([] { make("{type: mlp}", {0}); }), HasSubstr("at least one value"));
}

TEST(BatchNorm, RefusesToTrainOnASingleSample) {
  const auto mlp = make("{type: mlp, hidden: [4], batch_norm: true}", {3});
  EXPECT_THAT(input_error([&] { mlp->forward(at::randn({1, 3})); }), HasSubstr("two samples or more"));
  mlp->eval();
  EXPECT_EQ(mlp->forward(at::randn({1, 3}))[0].size(0), 1);
  const auto lenet = make("{type: lenet, channels: [4], kernel: 3, batch_norm: true}", {1, 4, 4});
  EXPECT_THAT(input_error([&] { lenet->forward(at::randn({1, 1, 4, 4})); }), HasSubstr("two samples or more"));
  const auto resnet = make("{type: resnet18, widths: [2, 2, 2, 2]}", {1, 32, 32});
  EXPECT_THAT(input_error([&] { resnet->forward(at::randn({1, 1, 32, 32})); }), HasSubstr("two samples or more"));
}

TEST(Lenet, OffersItsStagesAndTheFeatures) {
  const auto lenet = make("{type: lenet, channels: [4, 6], features: 9}", {1, 28, 28});
  EXPECT_THAT(level_names(*lenet), ElementsAre("conv1", "conv2", "features"));
  expect_levels_hold(*lenet, at::randn({2, 1, 28, 28}));
  const Features features = lenet->forward(at::randn({2, 1, 28, 28}));
  EXPECT_EQ(features[0].size(2), 12);
  EXPECT_EQ(features[1].size(2), 4);
  EXPECT_EQ(lenet->levels()[1].stride, 4);
}

TEST(Lenet, TakesImagesOfAnyBigEnoughSize) {
  expect_levels_hold(*make("{type: lenet}", {3, 16, 47}), at::randn({2, 3, 16, 47}));
  expect_levels_hold(*make("{type: lenet, channels: [4, 4, 4], kernel: 3}", {2, 22, 31}), at::randn({2, 2, 22, 31}));
  const std::string message = input_error([] { make("{type: lenet}", {1, 28, 15}); });
  EXPECT_THAT(message, HasSubstr("28x15"));
  EXPECT_THAT(message, HasSubstr("16x16"));
  EXPECT_THAT(input_error([] { make("{type: lenet}", {5}); }), HasSubstr("[channels, height, width]"));
  EXPECT_THAT(input_error([] { make("{type: lenet, channels: []}", {1, 28, 28}); }), HasSubstr("at least one stage"));
}

TEST(Lenet, HasExactGradients) {
  for (const char* norm : {"false", "true"}) {
    const auto lenet = make(
        fmt::format("{{type: lenet, channels: [3, 4], kernel: 3, features: 5, batch_norm: {}}}", norm), {2, 11, 10});
    lenet->to(at::kDouble);
    const at::Tensor x = at::randn({3, 2, 11, 10}, at::kDouble), r = at::randn({3, 5}, at::kDouble);
    expect_exact_gradients(*lenet, x, [&] { return (lenet->forward(x).back() * r).sum(); });
  }
}

TEST(Resnet, OffersFourStagesAndThePooledVector) {
  const auto resnet = make("{type: resnet18, widths: [4, 6, 8, 10]}", {3, 64, 96});
  EXPECT_THAT(level_names(*resnet), ElementsAre("layer1", "layer2", "layer3", "layer4", "pooled"));
  const at::Tensor x = at::randn({2, 3, 64, 96});
  expect_levels_hold(*resnet, x);
  const Features features = resnet->forward(x);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(features[i].size(2), 64 / resnet->levels()[i].stride);
    EXPECT_EQ(features[i].size(3), 96 / resnet->levels()[i].stride);
  }
  EXPECT_TRUE(at::equal(features[4], features[3].mean({2, 3})));
}

TEST(Resnet, SmallStemKeepsTheSize) {
  const auto resnet = make("{type: resnet18, widths: [4, 4, 4, 4], stem: small}", {1, 16, 16});
  EXPECT_EQ(resnet->named_parameters()["conv1.weight"].size(2), 3);
  const Features features = resnet->forward(at::randn({2, 1, 16, 16}));
  EXPECT_EQ(features[0].size(2), 16);
  EXPECT_EQ(features[3].size(2), 2);
  EXPECT_EQ(resnet->levels()[0].stride, 1);
  EXPECT_EQ(resnet->levels()[3].stride, 8);
}

TEST(Resnet, CountsTorchvisionsParameters) {
  // torchvision's resnet18 and resnet34 without their fc (512·1000 + 1000 parameters).
  const auto count = [](const Backbone& backbone) {
    int64_t total = 0;
    for (const auto& p : backbone.parameters()) total += p.numel();
    return total;
  };
  const auto resnet18 = make("{type: resnet18}", {3, 224, 224});
  EXPECT_EQ(count(*resnet18), 11689512 - 513000);
  EXPECT_EQ(count(*make("{type: resnet34}", {3, 224, 224})), 21797672 - 513000);
  const auto names = resnet18->named_parameters();
  for (const char* name : {"conv1.weight", "bn1.bias", "layer1.0.conv2.weight", "layer2.0.downsample.0.weight",
                           "layer4.0.downsample.1.bias", "layer4.1.bn2.weight"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_FALSE(names.contains("layer1.0.downsample.0.weight"));
}

TEST(Resnet, StartsFromKaimingFanOut) {
  const auto resnet = make("{type: resnet18}", {3, 64, 64});
  const auto p = resnet->named_parameters();
  EXPECT_NEAR(p["conv1.weight"].std().item<double>(), std::sqrt(2.0 / (64 * 49)), 1e-3);
  EXPECT_NEAR(p["layer4.0.conv1.weight"].std().item<double>(), std::sqrt(2.0 / (512 * 9)), 1e-4);
  EXPECT_TRUE(at::equal(p["layer3.0.bn2.weight"], at::ones({256})));
  EXPECT_TRUE(at::equal(p["layer3.0.bn2.bias"], at::zeros({256})));
}

TEST(Resnet, BlocksHaveExactGradients) {
  seed_torch(4, "test");
  for (const int64_t stride : {1, 2}) {
    BasicBlock block(3, stride == 1 ? 3 : 4, stride);
    block.to(at::kDouble);
    const at::Tensor x = at::randn({2, 3, 5, 6}, at::kDouble);
    const at::Tensor r = at::randn_like(block.forward(x));
    expect_exact_gradients(block, x, [&] { return (block.forward(x) * r).sum(); });
  }
}

TEST(Resnet, RefusesWhatCannotWork) {
  EXPECT_THAT(input_error([] { make("{type: resnet18, widths: [4, 4]}", {3, 32, 32}); }), HasSubstr("for 4 stages"));
  EXPECT_THAT(input_error([] { make("{type: resnet18, stem: big}", {3, 32, 32}); }), HasSubstr("imagenet, small"));
  EXPECT_THAT(input_error([] { make("{type: resnet18}", {3}); }), HasSubstr("[channels, height, width]"));
  EXPECT_THAT(input_error([] { Resnet({1, 0}, {{2, 2}, "small"}, {3, 8, 8}); }), HasSubstr("at least one block"));
}

TEST(Backbones, RunInDoublePrecision) {
  for (const char* type : {"mlp", "lenet", "resnet18"}) {
    const auto backbone = make(fmt::format("{{type: {}}}", type), {1, 32, 32});
    backbone->to(at::kDouble);
    backbone->eval();
    for (const auto& feature : backbone->forward(at::randn({2, 1, 32, 32}, at::kDouble)))
      EXPECT_EQ(feature.scalar_type(), at::kDouble) << type;
  }
}

TEST(Backbones, UnknownNameIsAnError) {
  EXPECT_THAT(input_error([] { make("{type: resnet8}", {3, 32, 32}); }), HasSubstr("did you mean \"resnet18\""));
}

}  // namespace
}  // namespace polytask
