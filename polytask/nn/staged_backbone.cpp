#include <polytask/core/error.h>
#include <polytask/nn/staged_backbone.h>

#include <fmt/ranges.h>

#include <ATen/ops/zeros.h>
#include <torch/utils.h>

namespace polytask {

Features StagedBackbone::forward(const at::Tensor& input) {
  std::vector<at::Tensor> outputs;
  const size_t count = stages().size();
  for (size_t i = 0; i < count; ++i) outputs.push_back(stage(i, outputs.empty() ? input : outputs.back()));
  return features(outputs);
}

std::vector<std::string> staged_backbones() { return {"mlp", "lenet", "resnet18", "resnet34", "resnet50", "unet"}; }

std::shared_ptr<StagedBackbone> create_staged_backbone(const Node& options, const InputShape& input,
                                                       const std::string& method) {
  const std::shared_ptr<Backbone> backbone = backbones().create(options, input);
  auto staged = std::dynamic_pointer_cast<StagedBackbone>(backbone);
  if (!staged)
    throw InputError(
        "{}: sharing {} mixes the tasks between stages of the backbone, and {} is not divided into any: "
        "use one of {}",
        options.where(), method, options.text_or("type", "this one"), fmt::join(staged_backbones(), ", "));
  return staged;
}

std::vector<InputShape> stage_shapes(StagedBackbone& backbone, const InputShape& input) {
  const torch::NoGradGuard no_grad;
  const bool training = backbone.is_training();
  backbone.eval();
  InputShape shape = input;
  shape.insert(shape.begin(), 1);
  at::Tensor x = at::zeros(shape);
  std::vector<InputShape> shapes;
  for (size_t i = 0; i < backbone.stages().size(); ++i) {
    x = backbone.stage(i, x);
    shapes.emplace_back(x.sizes().begin() + 1, x.sizes().end());
  }
  backbone.train(training);
  return shapes;
}

}  // namespace polytask
