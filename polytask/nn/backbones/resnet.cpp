#include <polytask/core/error.h>
#include <polytask/nn/backbones/resnet.h>
#include <polytask/nn/layers/batch_norm.h>
#include <polytask/nn/register.h>

#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

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
  f.field("widths", widths, "channels of the four stages; resnet50 widens each fourfold", at_least(1));
  f.field("stem", stem, "imagenet: 7x7 stride 2 and pooling; small: 3x3 stride 1, for images below some 64 pixels",
          one_of({"imagenet", "small"}));
}

Resnet::Resnet(const std::vector<int64_t>& blocks, const ResnetOptions& options, const InputShape& input,
               BlockType type)
    : options_(options), type_(type) {
  check(blocks, options, input);
  int64_t channels = options.widths.front();
  const bool small = options.stem == "small";
  conv1_ = register_module("conv1", residual_convolution(input[0], channels, small ? 3 : 7, small ? 1 : 2));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(channels));
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::string name = fmt::format("layer{}", i + 1);
    auto layer = register_module(name, std::make_shared<torch::nn::Module>(name));
    layers_.emplace_back();
    for (int64_t k = 0; k < blocks[i]; ++k) {
      auto block = make_block(type, channels, options.widths[i], i > 0 && k == 0 ? 2 : 1);
      layers_.back().push_back(layer->register_module(std::to_string(k), std::move(block)));
      channels = options.widths[i] * expansion_of(type);
    }
  }
}

std::vector<Level> Resnet::levels() const {
  std::vector<Level> result;
  int64_t stride = options_.stem == "small" ? 1 : 4;
  for (const int64_t width : options_.widths) {
    result.push_back({fmt::format("layer{}", result.size() + 1), width * expansion_of(type_), stride});
    stride *= 2;
  }
  result.push_back({"pooled", result.back().channels, 0});
  return result;
}

std::vector<std::string> Resnet::stages() const {
  std::vector<std::string> names = {"stem"};
  for (size_t i = 0; i < layers_.size(); ++i) names.push_back(fmt::format("layer{}", i + 1));
  return names;
}

at::Tensor Resnet::stem(const at::Tensor& input) {
  const at::Tensor x = conv1_->forward(input);
  require_batch_statistics(x, bn1_->is_training());
  const at::Tensor y = at::relu(bn1_->forward(x));
  return options_.stem == "small" ? y : at::max_pool2d(y, 3, 2, 1);
}

at::Tensor Resnet::stage(size_t index, const at::Tensor& x) {
  if (index == 0) return stem(x);
  at::Tensor y = x;
  for (const auto& block : layers_.at(index - 1)) y = block->forward(y);
  return y;
}

size_t Resnet::stage_of(const std::string& name) const {
  return name.rfind("layer", 0) == 0 ? std::stoul(name.substr(5)) : 0;
}

Features Resnet::features(const std::vector<at::Tensor>& outputs) {
  Features result(outputs.begin() + 1, outputs.end());
  result.push_back(result.back().mean({2, 3}));
  return result;
}

std::vector<std::optional<Reach>> Resnet::reach() const {
  const bool small = options_.stem == "small";
  Reach cell = small ? Reach().then(1, 1) : Reach().then(3, 3, 2).then(1, 1, 2);
  std::vector<std::optional<Reach>> result;
  for (size_t i = 0; i < layers_.size(); ++i) {
    for (size_t k = 0; k < layers_[i].size(); ++k) {
      cell = cell.then(1, 1, i > 0 && k == 0 ? 2 : 1);
      if (type_ == BlockType::basic) cell = cell.then(1, 1);
    }
    result.emplace_back(cell);
  }
  result.emplace_back();  // pooled
  return result;
}

void register_resnet_backbones(BackboneRegistry& registry) {
  const auto add = [&](const std::string& name, const std::vector<int64_t>& blocks, BlockType type) {
    const std::string kind = type == BlockType::basic ? "basic blocks" : "bottlenecks";
    registry.add<ResnetOptions>(name, fmt::format("Residual network of {}; loads torchvision's weights", kind),
                                "He et al. 2016, table 1",
                                [blocks, type](const ResnetOptions& options, const InputShape& input) {
                                  return std::make_unique<Resnet>(blocks, options, input, type);
                                });
  };
  add("resnet18", {2, 2, 2, 2}, BlockType::basic);
  add("resnet34", {3, 4, 6, 3}, BlockType::basic);
  add("resnet50", {3, 4, 6, 3}, BlockType::bottleneck);
}

}  // namespace polytask
