#include <polytask/core/error.h>
#include <polytask/nn/backbones/resnet.h>
#include <polytask/nn/layers/batch_norm.h>
#include <polytask/nn/register.h>

#include <fmt/ranges.h>

#include <ATen/ATen.h>
#include <torch/nn/init.h>

#include <algorithm>

namespace polytask {
namespace {

torch::nn::Conv2d convolution(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride) {
  auto options = torch::nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false);
  torch::nn::Conv2d result(options);
  torch::nn::init::kaiming_normal_(result->weight, 0, torch::kFanOut, torch::kReLU);
  return result;
}

void check(const std::vector<int64_t>& blocks, const ResnetOptions& options, const InputShape& input) {
  if (input.size() != 3 || *std::min_element(input.begin(), input.end()) < 1)
    throw InputError("backbone resnet: the input's shape is [{}]: it takes images [channels, height, width]",
                     fmt::join(input, ", "));
  if (blocks.empty() || blocks.size() != options.widths.size())
    throw InputError("backbone resnet: {} widths [{}] for {} stages: give one for every stage", options.widths.size(),
                     fmt::join(options.widths, ", "), blocks.size());
  if (*std::min_element(blocks.begin(), blocks.end()) < 1 ||
      *std::min_element(options.widths.begin(), options.widths.end()) < 1)
    throw InputError("backbone resnet: every stage needs at least one block and one channel");
}

}  // namespace

void ResnetOptions::fields(Fields& f) {
  f.field("widths", widths, "channels of the four stages", at_least(1));
  f.field("stem", stem, "imagenet: 7x7 stride 2 and pooling; small: 3x3 stride 1, for images below some 64 pixels",
          one_of({"imagenet", "small"}));
}

BasicBlock::BasicBlock(int64_t inputs, int64_t outputs, int64_t stride) {
  if (stride != 1 || inputs != outputs)
    downsample_ = register_module(
        "downsample", torch::nn::Sequential(convolution(inputs, outputs, 1, stride), torch::nn::BatchNorm2d(outputs)));
  conv1_ = register_module("conv1", convolution(inputs, outputs, 3, stride));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(outputs));
  conv2_ = register_module("conv2", convolution(outputs, outputs, 3, 1));
  bn2_ = register_module("bn2", torch::nn::BatchNorm2d(outputs));
}

at::Tensor BasicBlock::forward(const at::Tensor& x) {
  at::Tensor y = conv1_->forward(x);
  require_batch_statistics(y, bn1_->is_training());
  y = at::relu(bn1_->forward(y));
  y = bn2_->forward(conv2_->forward(y));
  return at::relu(y + (downsample_.is_empty() ? x : downsample_->forward(x)));
}

Resnet::Resnet(const std::vector<int64_t>& blocks, const ResnetOptions& options, const InputShape& input)
    : options_(options) {
  check(blocks, options, input);
  int64_t width = options.widths.front();
  const bool small = options.stem == "small";
  conv1_ = register_module("conv1", convolution(input[0], width, small ? 3 : 7, small ? 1 : 2));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(width));
  for (size_t stage = 0; stage < blocks.size(); ++stage) {
    torch::nn::Sequential layer;
    for (int64_t block = 0; block < blocks[stage]; ++block) {
      layer->push_back(BasicBlock(width, options.widths[stage], stage > 0 && block == 0 ? 2 : 1));
      width = options.widths[stage];
    }
    stages_.push_back(register_module(fmt::format("layer{}", stage + 1), layer));
  }
}

std::vector<Level> Resnet::levels() const {
  std::vector<Level> result;
  int64_t stride = options_.stem == "small" ? 1 : 4;
  for (const int64_t width : options_.widths) {
    result.push_back({fmt::format("layer{}", result.size() + 1), width, stride});
    stride *= 2;
  }
  result.push_back({"pooled", options_.widths.back(), 0});
  return result;
}

at::Tensor Resnet::stem(const at::Tensor& input) {
  const at::Tensor x = conv1_->forward(input);
  require_batch_statistics(x, bn1_->is_training());
  const at::Tensor y = at::relu(bn1_->forward(x));
  return options_.stem == "small" ? y : at::max_pool2d(y, 3, 2, 1);
}

Features Resnet::stages(const at::Tensor& stem) {
  Features result;
  for (auto& stage : stages_) result.push_back(stage->forward(result.empty() ? stem : result.back()));
  return result;
}

Features Resnet::forward(const at::Tensor& input) {
  Features result = stages(stem(input));
  result.push_back(result.back().mean({2, 3}));
  return result;
}

void register_resnet_backbones(BackboneRegistry& registry) {
  const auto add = [&](const std::string& name, const std::vector<int64_t>& blocks) {
    registry.add<ResnetOptions>(name, "Residual network of basic blocks; loads torchvision's weights",
                                "He et al. 2016, table 1",
                                [blocks](const ResnetOptions& options, const InputShape& input) {
                                  return std::make_unique<Resnet>(blocks, options, input);
                                });
  };
  add("resnet18", {2, 2, 2, 2});
  add("resnet34", {3, 4, 6, 3});
}

}  // namespace polytask
