#include "support.h"

#include <polytask/nn/backbones/resnet.h>
#include <polytask/nn/staged_backbone.h>

#include <torch/nn/modules/linear.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<StagedBackbone> make(const std::string& options, const InputShape& shape = {3, 33, 36}) {
  return create_staged_backbone(yaml(options), shape, "test");
}

TEST(StagedBackbone, EveryRegisteredOneThatHasStagesIsNamed) {
  std::vector<std::string> staged;
  for (const auto& name : backbones().names()) {
    const std::shared_ptr<Backbone> backbone = backbones().create(yaml("{type: " + name + "}"), {3, 32, 32});
    if (std::dynamic_pointer_cast<StagedBackbone>(backbone)) staged.push_back(name);
  }
  EXPECT_EQ(staged, staged_backbones());
}

TEST(StagedBackbone, NamesItsStages) {
  EXPECT_THAT(make("{type: mlp, hidden: [4, 5]}")->stages(), ElementsAre("hidden1", "hidden2"));
  EXPECT_THAT(make("{type: lenet, channels: [2, 3]}")->stages(), ElementsAre("conv1", "conv2", "features"));
  EXPECT_THAT(make("{type: resnet18, widths: [2, 2, 2, 2]}")->stages(),
              ElementsAre("stem", "layer1", "layer2", "layer3", "layer4"));
}

TEST(StagedBackbone, StagesMakeTheLevels) {
  for (const char* options : {"{type: mlp, hidden: [4, 5]}", "{type: lenet, channels: [2, 3], batch_norm: true}",
                              "{type: resnet18, widths: [2, 3, 4, 5]}", "{type: resnet50, widths: [2, 2, 2, 2]}"}) {
    const auto backbone = make(options);
    backbone->eval();
    const at::Tensor x = at::randn({2, 3, 33, 36});
    const Features whole = backbone->forward(x);
    at::Tensor y = x;
    const auto shapes = stage_shapes(*backbone, {3, 33, 36});
    for (size_t i = 0; i < backbone->stages().size(); ++i) {
      y = backbone->stage(i, y);
      EXPECT_EQ(y.sizes().slice(1), at::IntArrayRef(shapes[i])) << options;
    }
    const at::Tensor last = y.dim() == 4 ? y.mean({2, 3}) : y;
    EXPECT_TRUE(at::equal(last, whole.back())) << options;
  }
}

TEST(StagedBackbone, KnowsTheStageOfEveryParameter) {
  for (const char* options :
       {"{type: mlp, hidden: [4, 5], batch_norm: true}", "{type: lenet, channels: [2, 3], batch_norm: true}",
        "{type: resnet18, widths: [2, 3, 4, 5]}"}) {
    const auto backbone = make(options);
    const at::Tensor x = at::randn({2, 3, 33, 36});
    std::vector<at::Tensor> outputs;
    for (size_t i = 0; i < backbone->stages().size(); ++i) {
      for (auto& p : backbone->parameters()) p.mutable_grad().reset();
      const at::Tensor input = (i == 0 ? x : outputs.back()).detach();
      outputs.push_back(backbone->stage(i, input));
      outputs.back().sum().backward();
      for (const auto& item : backbone->named_parameters())
        EXPECT_EQ(item.value().grad().defined(), backbone->stage_of(item.key()) == i) << options << " " << item.key();
    }
  }
}

TEST(StagedBackbone, ShapesAreFoundWithoutATrace) {
  const auto resnet = make("{type: resnet18, widths: [2, 3, 4, 5]}");
  resnet->train();
  NamedTensors before;
  for (const auto& item : resnet->named_buffers()) before[item.key()] = item.value().clone();
  seed_torch(3, "test");
  const at::Tensor drawn = at::randn({4});
  seed_torch(3, "test");
  EXPECT_EQ(stage_shapes(*resnet, {3, 33, 36}).back(), (InputShape{5, 2, 2}));
  EXPECT_TRUE(at::equal(at::randn({4}), drawn));
  EXPECT_TRUE(resnet->is_training());
  for (const auto& item : resnet->named_buffers()) EXPECT_TRUE(at::equal(item.value(), before.at(item.key())));
}

TEST(StagedBackbone, RefusesBackbonesInOnePiece) {
  BackboneRegistry& registry = backbones();
  registry.add<NoOptions>("one_piece", "for this test", "", [](const NoOptions&, const InputShape& shape) {
    using Linear = torch::nn::LinearImpl;
    return std::make_unique<WrappedBackbone<Linear>>(std::make_shared<Linear>(shape[0], 2), 2);
  });
  for (const char* sharing : {"cross_stitch", "ple", "ltb"})
    EXPECT_THAT(input_error([&] {
                  create_model(yaml(fmt::format("{{sharing: {}, backbone: {{type: one_piece}}}}", sharing)),
                               context_of({4}, {{"a", 1, {}}, {"b", 1, {}}}));
                }),
                AllOf(HasSubstr(sharing), HasSubstr("one_piece"), HasSubstr("mlp, lenet, resnet18")));
}

TEST(Bottleneck, HasExactGradientsAndTorchvisionsNames) {
  seed_torch(4, "test");
  for (const int64_t stride : {1, 2}) {
    Bottleneck block(stride == 1 ? 8 : 3, 2, stride);
    EXPECT_EQ(block.named_parameters().contains("downsample.0.weight"), stride == 2);
    EXPECT_EQ(block.named_parameters()["conv2.weight"].sizes(), (std::vector<int64_t>{2, 2, 3, 3}));
    block.to(at::kDouble);
    const at::Tensor x = at::randn({2, stride == 1 ? 8 : 3, 5, 6}, at::kDouble);
    const at::Tensor r = at::randn_like(block.forward(x));
    EXPECT_EQ(r.sizes(), (std::vector<int64_t>{2, 8, stride == 1 ? 5 : 3, stride == 1 ? 6 : 3}));
    expect_exact_gradients(block, x, [&] { return (block.forward(x) * r).sum(); });
  }
}

TEST(Resnet50, CountsTorchvisionsParameters) {
  // torchvision's resnet50 without its fc (2048·1000 + 1000 parameters).
  int64_t total = 0;
  const auto resnet50 = make("{type: resnet50}");
  for (const auto& p : resnet50->parameters()) total += p.numel();
  EXPECT_EQ(total, 25557032 - 2049000);
  EXPECT_EQ(resnet50->levels().back().channels, 2048);
}

}  // namespace
}  // namespace polytask
