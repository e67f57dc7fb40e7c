#include "support.h"

#include <polytask/nn/sharing/hard.h>
#include <polytask/nn/weights.h>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

namespace polytask {
namespace {

const std::vector<TaskHead> kTasks = {{"a", 2, {}}, {"b", 1, yaml("{type: mlp, hidden: [3], batch_norm: true}")}};

std::shared_ptr<Model> lenet() {
  return create_model(yaml("{backbone: {type: lenet, channels: [3, 4], kernel: 3, features: 5, batch_norm: true}}"),
                      context_of({1, 12, 12}, kTasks));
}

std::shared_ptr<Model> resnet() {
  return create_model(yaml("{backbone: {type: resnet18, widths: [2, 3, 3, 4], stem: small}}"),
                      context_of({1, 12, 12}, kTasks));
}

at::Tensor pictures() { return at::randn({6, 1, 12, 12}); }

// Running statistics that are not those a layer begins with.
void warm_up(Model& model) {
  const torch::NoGradGuard no_grad;
  model.train();
  for (int i = 0; i < 3; ++i) model.forward({{"x", 2 * pictures() + 1}});
}

NamedTensors statistics(const Model& model) {
  NamedTensors result;
  for (const auto& item : model.named_buffers()) result[item.key()] = item.value().clone();
  return result;
}

void freeze(Model& model, const std::string& pattern, bool frozen = true) {
  apply_freeze_rules(model, {{pattern, frozen ? 0 : 1, -1}}, 0);
  model.train();
}

TEST(FrozenNorm, NormalisesByItsRunningStatisticsAndKeepsThem) {
  for (const auto& model : {lenet(), resnet()}) {
    warm_up(*model);
    const at::Tensor x = pictures();
    model->eval();
    const at::Tensor evaluated = model->represent({{"x", x}})[0].back();
    freeze(*model, "backbone.*");
    const NamedTensors before = statistics(*model);
    EXPECT_TRUE(at::equal(model->represent({{"x", x}})[0].back(), evaluated));
    model->forward({{"x", x}});
    for (const auto& [name, tensor] : statistics(*model)) {
      const bool of_head = name.rfind("heads.", 0) == 0;
      EXPECT_EQ(tensor.equal(before.at(name)), !of_head) << name;
    }
  }
}

TEST(FrozenNorm, GoesOnLearningAfterwards) {
  for (const auto& model : {lenet(), resnet()}) {
    warm_up(*model);
    freeze(*model, "backbone.*");
    freeze(*model, "backbone.*", false);
    const NamedTensors before = statistics(*model);
    model->forward({{"x", pictures()}});
    for (const auto& [name, tensor] : statistics(*model)) EXPECT_FALSE(tensor.equal(before.at(name))) << name;
  }
}

TEST(FrozenNorm, OnlyWholeLayersCount) {
  const auto model = lenet();
  warm_up(*model);
  freeze(*model, "backbone.bn1.*");
  apply_freeze_rules(*model, {{"backbone.bn2.weight", 0, -1}}, 0);  // its bias still learns
  model->train();
  const NamedTensors before = statistics(*model);
  model->forward({{"x", pictures()}});
  for (const auto& [name, tensor] : statistics(*model))
    EXPECT_EQ(tensor.equal(before.at(name)), name.rfind("backbone.bn1.", 0) == 0) << name;
}

TEST(FrozenNorm, MayReadASingleSample) {
  for (const auto& section : {"{backbone: {type: lenet, channels: [3], kernel: 3, features: 5, batch_norm: true}}",
                              "{backbone: {type: resnet18, widths: [2, 3, 3, 4], stem: imagenet}}"}) {
    const auto model = create_model(yaml(section), context_of({1, 12, 12}, {{"a", 2, {}}}));
    model->train();
    EXPECT_NE(input_error([&] { model->forward({{"x", pictures().narrow(0, 0, 1)}}); }), "");
    freeze(*model, "backbone.*");
    EXPECT_EQ(model->forward({{"x", pictures().narrow(0, 0, 1)}})[0].sizes(), (std::vector<int64_t>{1, 2}));
  }
}

// A layer without parameters of its own belongs to the module that holds it.
struct PlainNorm : torch::nn::Module {
  PlainNorm() {
    fc = register_module("fc", torch::nn::Linear(4, 3));
    bn = register_module("bn", torch::nn::BatchNorm1d(torch::nn::BatchNorm1dOptions(3).affine(false)));
  }
  at::Tensor forward(const at::Tensor& x) { return bn(fc(x)); }
  torch::nn::Linear fc{nullptr};
  torch::nn::BatchNorm1d bn{nullptr};
};

TEST(FrozenNorm, WithoutParametersGoesWithItsModule) {
  const auto module = std::make_shared<PlainNorm>();
  const auto model = make_hard_model(wrap_backbone(module, 3), {{"a", 1, {}}});
  model->train();
  EXPECT_TRUE(module->bn->is_training());
  freeze(*model, "backbone.*");
  EXPECT_FALSE(module->bn->is_training());
  freeze(*model, "backbone.*", false);
  EXPECT_TRUE(module->bn->is_training());
}

}  // namespace
}  // namespace polytask
