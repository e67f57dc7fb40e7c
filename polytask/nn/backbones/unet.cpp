#include <polytask/core/error.h>
#include <polytask/nn/backbones/unet.h>
#include <polytask/nn/register.h>

#include <fmt/ranges.h>

#include <ATen/ATen.h>

#include <algorithm>

namespace polytask {
namespace {

constexpr int64_t kGreatestDepth = 10;

void check_size(int64_t height, int64_t width, int64_t depth) {
  const int64_t smallest = int64_t{1} << depth;
  if (height >= smallest && width >= smallest) return;
  throw InputError(
      "backbone unet: images of {}x{} pixels are too small: depth {} halves them {} times and needs at least {}x{}: "
      "use larger images or a smaller depth",
      height, width, depth, depth, smallest, smallest);
}

void check(const UnetOptions& options, const InputShape& input) {
  if (input.size() != 3 || *std::min_element(input.begin(), input.end()) < 1)
    throw InputError("backbone unet: the input's shape is [{}]: it takes images [channels, height, width]",
                     fmt::join(input, ", "));
  check_size(input[1], input[2], options.depth);
}

}  // namespace

void UnetOptions::fields(Fields& f) {
  f.field("width", width, "channels at full size; every level below has twice as many", at_least(1));
  f.field("depth", depth, "how often the image is halved, and so the number of a decoder's steps",
          between(1, kGreatestDepth));
  f.field("halved_bottleneck", halved_bottleneck,
          "the deepest level has as many channels as the one above it, which goes with heads {type: unet_decoder, "
          "upsampling: resize_conv} (the bilinear variant of milesial's Pytorch-UNet)");
}

UnetBackbone::UnetBackbone(const UnetOptions& options, const InputShape& input) : options_(options) {
  check(options, input);
  blocks_.push_back(register_module("inc", std::make_shared<DoubleConv>(input[0], channels(0))));
  for (size_t i = 1; i < stages().size(); ++i) {
    const std::string name = stages()[i];
    auto stage = register_module(name, std::make_shared<torch::nn::Module>(name));
    auto layers = stage->register_module("maxpool_conv", std::make_shared<torch::nn::Module>("maxpool_conv"));
    blocks_.push_back(layers->register_module("1", std::make_shared<DoubleConv>(channels(i - 1), channels(i))));
  }
}

int64_t UnetBackbone::channels(size_t stage) const {
  const int64_t doubled = options_.width << stage;
  return options_.halved_bottleneck && static_cast<int64_t>(stage) == options_.depth ? doubled / 2 : doubled;
}

std::vector<Level> UnetBackbone::levels() const {
  std::vector<Level> result;
  for (size_t i = 0; i < stages().size(); ++i) {
    const int64_t stride = int64_t{1} << i;
    result.push_back({fmt::format("stride{}", stride), channels(i), stride});
  }
  return result;
}

std::vector<std::string> UnetBackbone::stages() const {
  std::vector<std::string> names = {"inc"};
  for (int64_t i = 1; i <= options_.depth; ++i) names.push_back(fmt::format("down{}", i));
  return names;
}

at::Tensor UnetBackbone::stage(size_t index, const at::Tensor& x) {
  if (index == 0) {
    check_size(x.size(2), x.size(3), options_.depth);
    return blocks_[0]->forward(x);
  }
  return blocks_.at(index)->forward(at::max_pool2d(x, 2));
}

size_t UnetBackbone::stage_of(const std::string& name) const {
  return name.rfind("down", 0) == 0 ? std::stoul(name.substr(4)) : 0;
}

std::vector<std::optional<Reach>> UnetBackbone::reach() const {
  Reach cell = Reach().then(2, 2);
  std::vector<std::optional<Reach>> result = {cell};
  for (int64_t i = 0; i < options_.depth; ++i) {
    cell = cell.then(0, 1, 2).then(2, 2);
    result.emplace_back(cell);
  }
  return result;
}

void register_unet_backbone(BackboneRegistry& registry) {
  registry.add<UnetOptions>("unet", "The encoder of a U-Net, for maps; loads weights of milesial's Pytorch-UNet",
                            "Ronneberger et al. 2015, figure 1",
                            [](const UnetOptions& options, const InputShape& input) {
                              return std::make_unique<UnetBackbone>(options, input);
                            });
}

}  // namespace polytask
