#include <polytask/core/error.h>
#include <polytask/nn/backbones/lenet.h>
#include <polytask/nn/layers/batch_norm.h>
#include <polytask/nn/register.h>

#include <fmt/ranges.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

// Pixels that a stage leaves of `size`.
int64_t after_stage(int64_t size, int64_t kernel) { return (size - kernel + 1) / 2; }

void check_input(const LenetOptions& options, const InputShape& input) {
  if (options.channels.empty())
    throw InputError("backbone lenet: \"channels\" is empty: give at least one stage, for example [32, 64]");
  if (input.size() != 3)
    throw InputError("backbone lenet: the input's shape is [{}]: it takes images [channels, height, width]",
                     fmt::join(input, ", "));
  int64_t smallest = 1;
  for (size_t i = 0; i < options.channels.size(); ++i) smallest = 2 * smallest + options.kernel - 1;
  if (input[1] >= smallest && input[2] >= smallest) return;
  throw InputError(
      "backbone lenet: images of {}x{} pixels are too small: {} stages of kernel {} need at least {}x{}; use fewer "
      "channels entries or a smaller kernel",
      input[1], input[2], options.channels.size(), options.kernel, smallest, smallest);
}

}  // namespace

void LenetOptions::fields(Fields& f) {
  f.field("channels", channels, "channels of every stage; each stage halves the image", at_least(1));
  f.field("kernel", kernel, "side of the convolutions, in pixels", at_least(1));
  f.field("features", features, "width of the dense layer at the end", at_least(1));
  f.field("batch_norm", batch_norm, "batch normalisation before every activation");
  f.field("dropout", dropout, "share of the features dropped in training", dropout_range());
}

LenetBackbone::LenetBackbone(const LenetOptions& options, const InputShape& input) : options_(options) {
  check_input(options, input);
  int64_t channels = input[0], height = input[1], width = input[2];
  for (const int64_t next : options.channels) {
    const std::string number = std::to_string(convolutions_.size() + 1);
    const auto conv = torch::nn::Conv2dOptions(channels, next, options.kernel).bias(!options.batch_norm);
    convolutions_.push_back(register_module("conv" + number, torch::nn::Conv2d(conv)));
    if (options.batch_norm) norms_.push_back(register_module("bn" + number, torch::nn::BatchNorm2d(next)));
    channels = next;
    height = after_stage(height, options.kernel);
    width = after_stage(width, options.kernel);
  }
  const DenseOptions dense{options.batch_norm, "relu", options.dropout};
  features_ = register_module("features", std::make_shared<Dense>(channels * height * width, options.features, dense));
}

std::vector<Level> LenetBackbone::levels() const {
  std::vector<Level> result;
  for (const int64_t channels : options_.channels) {
    const size_t number = result.size() + 1;
    result.push_back({fmt::format("conv{}", number), channels, int64_t{1} << number});
  }
  result.push_back({"features", options_.features, 0});
  return result;
}

std::vector<std::string> LenetBackbone::stages() const {
  std::vector<std::string> names;
  for (const auto& level : levels()) names.push_back(level.name);
  return names;
}

at::Tensor LenetBackbone::stage(size_t index, const at::Tensor& input) {
  if (index == convolutions_.size()) return features_->forward(input.flatten(1));
  // Channels last: pooling is several times faster in this layout on the CPU.
  at::Tensor x = convolutions_.at(index)->forward(input).contiguous(at::MemoryFormat::ChannelsLast);
  if (options_.batch_norm) {
    require_batch_statistics(x, norms_[index]->is_training());
    x = norms_[index]->forward(x);
  }
  return at::relu(at::max_pool2d(x, 2));  // the same as the maximum after ReLU, on a quarter of the values
}

size_t LenetBackbone::stage_of(const std::string& name) const {
  if (name.rfind("features", 0) == 0) return convolutions_.size();
  return std::stoul(name.substr(name.find_first_of("0123456789"))) - 1;  // conv1, bn1, …
}

void register_lenet_backbone(BackboneRegistry& registry) {
  registry.add<LenetOptions>("lenet", "A small convolutional network for small images", "LeCun et al. 1998",
                             [](const LenetOptions& options, const InputShape& input) {
                               return std::make_unique<LenetBackbone>(options, input);
                             });
}

}  // namespace polytask
