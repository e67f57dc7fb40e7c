#include "sharing_support.h"

#include <polytask/nn/sharing/cross_stitch.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string section(const std::string& backbone, const std::string& more = "") {
  return "{sharing: cross_stitch, " + backbone + more + "}";
}

TEST(CrossStitch, WorksOnEveryStagedBackbone) {
  expect_outputs(*sharing_model(section(kTinyMlp), {7}), {7}, 3);
  expect_outputs(*sharing_model(section(kTinyLenet), {1, 12, 13}), {1, 12, 13}, 3);
  expect_outputs(*sharing_model(section(kTinyResnet, ", per_channel: true"), {2, 17, 16}), {2, 17, 16}, 5);
}

TEST(CrossStitch, UnitsStandWhereTheyActAndStartAsAMean) {
  const NamedTensors s = sharing_model(section(kTinyResnet), {1, 16, 16})->state();
  EXPECT_EQ(s.count("units.stem") + s.count("units.layer4"), 0U);
  for (const char* name : {"units.layer1", "units.layer2", "units.layer3"}) {
    const at::Tensor& unit = s.at(name);
    ASSERT_EQ(unit.sizes(), (std::vector<int64_t>{3, 3})) << name;
    EXPECT_TRUE(at::allclose(unit.diagonal(), at::full({3}, 0.9)));
    EXPECT_TRUE(at::allclose(unit.sum(1), at::ones({3})));
    EXPECT_NEAR(unit[0][2].item<double>(), 0.05, 1e-7);
  }
  const NamedTensors custom =
      sharing_model(section(kTinyMlp, ", own: 1, others: 1, after: [hidden1], per_channel: true"), {4})->state();
  EXPECT_TRUE(at::equal(custom.at("units.hidden1"), at::ones({3, 3, 6})));
  EXPECT_EQ(custom.count("units.hidden2"), 0U);
}

TEST(CrossStitch, MixesByHand) {
  const auto model = sharing_model(section("backbone: {type: mlp, hidden: [3, 2], activation: tanh}"), {4}, {"a", "b"});
  NamedTensors s = model->state();
  {
    const torch::NoGradGuard no_grad;
    s.at("units.hidden1").copy_(at::tensor({0.7F, 0.2F, -0.4F, 1.5F}).reshape({2, 2}));
    for (const char* name : {"encoders.a.hidden.0.fc.weight", "encoders.b.hidden.1.fc.weight"}) s.at(name).normal_();
  }
  const at::Tensor x = at::randn({5, 4});
  const auto layer = [&](const std::string& task, int i, const at::Tensor& z) {
    const std::string name = fmt::format("encoders.{}.hidden.{}.fc.", task, i);
    return at::tanh(z.matmul(s.at(name + "weight").t()) + s.at(name + "bias"));
  };
  const at::Tensor a = layer("a", 0, x), b = layer("b", 0, x);
  const auto features = model->represent({{"x", x}});
  EXPECT_TRUE(at::allclose(features[0][0], a, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(features[0][1], layer("a", 1, 0.7 * a + 0.2 * b), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(features[1][1], layer("b", 1, -0.4 * a + 1.5 * b), 1e-5, 1e-6));
}

TEST(CrossStitch, IdentityUnitsMakeSeparateNetworks) {
  const auto model = sharing_model(section(kTinyLenet, ", own: 1, others: 0, per_channel: true"), {1, 12, 12});
  const auto alone = sharing_model(std::string("{") + kTinyLenet + "}", {1, 12, 12});
  const at::Tensor x = at::randn({3, 1, 12, 12});
  const auto mixed = model->forward({{"x", x}}), expected = alone->forward({{"x", x}});
  for (size_t t = 0; t < 3; ++t) EXPECT_TRUE(at::allclose(mixed[t], expected[t], 1e-5, 1e-6)) << t;
}

TEST(CrossStitch, ChannelsMayMixApart) {
  const auto model =
      sharing_model(section("backbone: {type: mlp, hidden: [3, 2]}", ", per_channel: true"), {4}, {"a", "b"});
  NamedTensors s = model->state();
  {
    const torch::NoGradGuard no_grad;
    s.at("units.hidden1").zero_();
    s.at("units.hidden1")[0][0] = at::tensor({1.0F, 0.0F, 0.0F});  // a keeps its channel 0
    s.at("units.hidden1")[0][1] = at::tensor({0.0F, 2.0F, 0.0F});  // and takes twice b's channel 1
    s.at("encoders.b.hidden.0.fc.weight").normal_();
  }
  const auto features = model->represent({{"x", at::randn({5, 4})}});
  const at::Tensor mixed = at::stack({features[0][0].select(1, 0), 2 * features[1][0].select(1, 1), at::zeros({5})}, 1);
  const at::Tensor expected =
      at::relu(mixed.matmul(s.at("encoders.a.hidden.1.fc.weight").t()) + s.at("encoders.a.hidden.1.fc.bias"));
  EXPECT_TRUE(at::allclose(features[0][1], expected, 1e-5, 1e-6));
}

TEST(CrossStitch, NetworksStartAlikeAndAreShared) {
  const auto model = sharing_model(section(kTinyMlp), {4});
  const NamedTensors s = model->state();
  EXPECT_TRUE(at::equal(s.at("encoders.a.hidden.1.fc.weight"), s.at("encoders.c.hidden.1.fc.weight")));
  expect_all_parameters_listed(*model);
  expect_roles_hold(*model, at::randn({6, 4}));
  for (const auto& p : model->model_parameters())
    EXPECT_EQ(p.role == Role::shared, p.name.rfind("heads.", 0) != 0) << p.name;
}

TEST(CrossStitch, HasExactGradients) {
  for (const char* more : {"", ", per_channel: true"}) {
    expect_exact_model_gradients(*sharing_model(section(kTinyMlp, more), {4}, {"a", "b"}), {4});
    expect_exact_model_gradients(
        *sharing_model(section("backbone: {type: lenet, channels: [2, 2], kernel: 3, features: 4}", more), {1, 11, 10},
                       {"a", "b"}),
        {1, 11, 10});
  }
}

TEST(CrossStitch, ASingleTaskIsItsNetworkAlone) {
  const auto model = sharing_model(section(kTinyMlp), {4}, {"a"});
  const auto alone = sharing_model(std::string("{") + kTinyMlp + "}", {4}, {"a"});
  const at::Tensor x = at::randn({3, 4});
  EXPECT_TRUE(at::equal(model->forward({{"x", x}})[0], alone->forward({{"x", x}})[0]));
  EXPECT_EQ(model->parameters().size(), alone->parameters().size());
}

TEST(CrossStitch, MakesTheRoundTripAndIsTraceable) {
  const auto one = sharing_model(section(kTinyResnet), {1, 15, 16}),
             two = sharing_model(section(kTinyResnet), {1, 15, 16}, {"a", "b", "c"}, 2);
  expect_state_round_trip(*one, *two, {1, 15, 16});
  expect_traceable(*one, {1, 15, 16});
  expect_traceable(*sharing_model(section(kTinyLenet, ", per_channel: true"), {1, 12, 12}), {1, 12, 12});
}

TEST(CrossStitch, RefusesPlacesWhereNothingMixes) {
  const auto refusal = [](const std::string& backbone, const std::string& more) {
    return input_error([&] { sharing_model(section(backbone, more), {4}); });
  };
  EXPECT_THAT(refusal("backbone: {type: mlp, hidden: [4]}", ""), AllOf(HasSubstr("only one"), HasSubstr("hidden1")));
  EXPECT_THAT(refusal(kTinyMlp, ", after: [hidden3]"), AllOf(HasSubstr("last stage"), HasSubstr("hidden1, hidden2")));
  EXPECT_THAT(refusal(kTinyMlp, ", after: [hiden2]"), HasSubstr("did you mean \"hidden2\""));
}

}  // namespace
}  // namespace polytask
