#include "sharing_support.h"

#include <polytask/nn/sharing/mtan.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kSection = std::string("{sharing: mtan, ") + kTinyResnet + "}";

TEST(Mtan, GivesEachTaskTheTrunksLevels) {
  const auto model = sharing_model(kSection, {2, 16, 16});
  expect_outputs(*model, {2, 16, 16}, 5);
  const auto features = model->represent({{"x", at::randn({2, 2, 16, 16})}})[1];
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(features[i].size(1), static_cast<int64_t>(i) + 2);
    EXPECT_EQ(features[i].size(2), 16 >> i);
  }
  EXPECT_TRUE(at::equal(features[4], features[3].mean({2, 3})));
}

TEST(Mtan, TakesImagesOfAnySize) {
  for (const InputShape& shape : {InputShape{1, 17, 15}, InputShape{1, 9, 30}, InputShape{1, 1, 2}})
    expect_outputs(*sharing_model(kSection, shape), shape, 5);
  const std::string imagenet = "{sharing: mtan, backbone: {type: resnet18, widths: [2, 2, 2, 2]}}";
  for (const InputShape& shape : {InputShape{3, 65, 97}, InputShape{3, 70, 33}})
    expect_outputs(*sharing_model(imagenet, shape), shape, 5);
}

TEST(Mtan, WorksOnBottlenecks) {
  const auto model =
      sharing_model("{sharing: mtan, backbone: {type: resnet50, widths: [2, 2, 2, 2], stem: small}}", {1, 9, 9});
  expect_outputs(*model, {1, 9, 9}, 5);
  const NamedTensors s = model->state();
  EXPECT_EQ(s.at("attention.b.layer2.conv1.weight").sizes(), (std::vector<int64_t>{2, 16, 1, 1}));
  EXPECT_EQ(s.at("blocks.layer3.conv3.weight").sizes(), (std::vector<int64_t>{8, 2, 1, 1}));
}

TEST(Mtan, FullyOpenMasksLetTheTrunkThrough) {
  const auto model = sharing_model(kSection, {1, 16, 16});
  model->eval();
  {
    const torch::NoGradGuard no_grad;
    for (auto& [name, tensor] : model->state())
      if (name.rfind("attention.", 0) == 0 && name.find("bn2.") != std::string::npos) {
        if (name.find("weight") != std::string::npos) tensor.zero_();
        if (name.find("bias") != std::string::npos) tensor.fill_(name.find(".a.") != std::string::npos ? 100 : 0);
      }
  }
  const auto features = model->represent({{"x", at::randn({2, 1, 16, 16})}});
  for (size_t i = 0; i < 4; ++i)  // a: mask 1; b: mask ½
    EXPECT_TRUE(at::allclose(features[0][i] / 2, features[1][i], 1e-5, 1e-6)) << i;
}

TEST(Mtan, OnlyMasksBelongToTasks) {
  const auto model = sharing_model(kSection, {1, 16, 16});
  expect_all_parameters_listed(*model);
  model->eval();
  expect_roles_hold(*model, at::randn({2, 1, 16, 16}));
  const auto& names = model->tasks();
  for (const auto& p : model->model_parameters()) {
    const bool own = p.name.rfind("attention.", 0) == 0 || p.name.rfind("heads.", 0) == 0;
    EXPECT_EQ(p.role == Role::task, own) << p.name;
    if (own) EXPECT_NE(p.name.find("." + names.at(static_cast<size_t>(p.task)) + "."), std::string::npos) << p.name;
  }
  EXPECT_EQ(model->last_shared_layer(), "trunk.layer4.1.conv2");
}

TEST(Mtan, SharedBlocksSeeOneTaskAfterAnother) {
  const auto model = sharing_model(kSection, {1, 16, 16});
  model->train();
  model->represent({{"x", at::randn({2, 1, 16, 16})}});
  const NamedTensors s = model->state();
  EXPECT_EQ(s.at("blocks.layer2.bn1.num_batches_tracked").item<int64_t>(), 3);
  EXPECT_EQ(s.at("trunk.layer2.1.bn1.num_batches_tracked").item<int64_t>(), 1);
  EXPECT_EQ(s.at("attention.c.layer4.bn2.num_batches_tracked").item<int64_t>(), 1);
}

TEST(Mtan, HasExactGradients) {
  const auto model = sharing_model("{sharing: mtan, backbone: {type: resnet18, widths: [2, 2, 2, 2], stem: small}}",
                                   {1, 11, 9}, {"a", "b"});
  expect_exact_model_gradients(*model, {1, 11, 9});
}

TEST(Mtan, MakesTheRoundTripAndIsTraceable) {
  const auto one = sharing_model(kSection, {1, 15, 16}), two = sharing_model(kSection, {1, 15, 16}, {"a", "b", "c"}, 2);
  expect_state_round_trip(*one, *two, {1, 15, 16});
  expect_traceable(*one, {1, 15, 16});
  expect_outputs(*sharing_model(kSection, {1, 16, 16}, {"only"}), {1, 16, 16}, 5);
}

TEST(Mtan, AnAddedTaskChangesNoOther) {
  const NamedTensors two = sharing_model(kSection, {1, 16, 16}, {"a", "b"})->state();
  const NamedTensors three = sharing_model(kSection, {1, 16, 16}, {"c", "b", "a"})->state();
  for (const auto& [name, tensor] : two)
    if (name.rfind("heads.", 0) != 0) EXPECT_TRUE(at::equal(tensor, three.at(name))) << name;
}

TEST(Mtan, RefusesOtherBackbonesAndSingleBlocks) {
  EXPECT_THAT(input_error([] {
                sharing_model(std::string("{sharing: mtan, ") + kTinyLenet + "}", {1, 12, 12});
              }),
              AllOf(HasSubstr("model.backbone"), HasSubstr("lenet"), HasSubstr("resnet18, resnet34 or resnet50")));
  const auto single =
      std::make_shared<Resnet>(std::vector<int64_t>{2, 1}, ResnetOptions{{2, 2}, "small"}, InputShape{1, 8, 8});
  EXPECT_THAT(input_error([&] { Mtan(single, heads_for({"a"}), 1); }),
              AllOf(HasSubstr("layer2"), HasSubstr("one block only")));
}

}  // namespace
}  // namespace polytask
