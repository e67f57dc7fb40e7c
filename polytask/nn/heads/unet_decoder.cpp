#include <polytask/core/error.h>
#include <polytask/nn/heads/unet_decoder.h>
#include <polytask/nn/level_text.h>
#include <polytask/nn/register.h>

#include <ATen/ATen.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <algorithm>
#include <utility>

namespace polytask {
namespace {

// Indices of the levels of strides …, 4, 2, 1.
std::vector<size_t> halving_levels(const HeadContext& context) {
  const auto refuse = [&](const std::string& what) {
    throw InputError(
        "{}: the unet_decoder of task \"{}\" doubles maps until they have the input's size and reads levels of strides "
        "1, 2, 4, …; {} (it offers {}): use backbone unet, or a resnet with stem: small",
        context.where, context.task, what, context.levels.empty() ? "none" : levels_text(context.levels));
  };
  std::vector<size_t> found;
  int64_t deepest = 0;
  for (const auto& level : context.levels) deepest = std::max(deepest, level.stride);
  for (int64_t stride = 1; stride <= deepest || stride <= 2; stride *= 2) {
    const auto level = std::find_if(context.levels.rbegin(), context.levels.rend(),
                                    [&](const Level& l) { return l.stride == stride; });
    if (level == context.levels.rend()) refuse(fmt::format("the backbone has none of stride {}", stride));
    found.insert(found.begin(), static_cast<size_t>(context.levels.rend() - level) - 1);
  }
  for (const auto& level : context.levels)
    if (level.spatial() && (level.stride & (level.stride - 1)) != 0)
      refuse(fmt::format("level {} is of another stride", level.name));
  return found;
}

// The first entries of `x` along `dimension`, as many as `like` has, a 0 added where it has one more. While a trace is
// recorded, by operations that go by the tensors' sizes at run time: sizes read here would become constants of it.
at::Tensor fit_along(int64_t dimension, const at::Tensor& x, const at::Tensor& like) {
  const std::vector<int64_t> at_the_end =
      dimension == 3 ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{0, 0, 0, 1};
  const auto widened = [&] { return at::constant_pad_nd(x, at_the_end); };
  if (torch::jit::tracer::isTracing()) {
    const at::Tensor line = dimension == 3 ? like.select(2, 0) : like.select(3, 0);
    const at::Tensor places = at::ones_like(line.select(0, 0).select(0, 0), at::kLong).cumsum(0) - 1;  // 0, 1, …
    return widened().index_select(dimension, places);
  }
  const int64_t difference = like.size(dimension) - x.size(dimension);
  if (difference == 0) return x;
  if (difference == 1) return widened();
  if (difference == -1) return x.narrow(dimension, 0, like.size(dimension));
  throw InputError(
      "head unet_decoder: a level of {}x{} pixels does not follow one half its size ({}x{} when doubled): the "
      "backbone's levels must halve the image, give or take a pixel",
      like.size(2), like.size(3), x.size(2), x.size(3));
}

int64_t floor_half(int64_t value) { return value >= 0 ? value / 2 : -((1 - value) / 2); }

}  // namespace

void UnetDecoderOptions::fields(Fields& f) {
  f.field("upsampling", upsampling,
          "transpose: transposed convolution; resize_conv: interpolation, then the convolutions of the step, which "
          "starts without checkerboard patterns",
          one_of({"transpose", "resize_conv"}));
  f.field("interpolation", interpolation, "of resize_conv: how maps are doubled", one_of({"nearest", "bilinear"}));
  f.field(
      "align_corners", align_corners,
      "of bilinear resize_conv: true: the corner pixels of the doubled map keep their values, as in milesial's "
      "Pytorch-UNet; what a pixel depends on then depends on the image's size, so that maps cannot be computed tile "
      "by tile; false: pixels are areas, as libtorch has it by default");
}

UnetDecoder::UnetDecoder(const UnetDecoderOptions& options, const HeadContext& context)
    : level_count_(context.levels.size()), levels_(halving_levels(context)) {
  const bool bilinear = options.upsampling == "resize_conv" && options.interpolation == "bilinear";
  if (options.align_corners && !bilinear)
    throw InputError(
        "{}: align_corners is about upsampling: resize_conv with interpolation: bilinear, here upsampling is {}{}: "
        "leave align_corners out",
        context.where, options.upsampling,
        options.upsampling == "transpose" ? "" : " with interpolation " + options.interpolation);
  upsampling_ = options.upsampling == "transpose" ? Upsampling::transpose
                : !bilinear                       ? Upsampling::nearest
                : options.align_corners           ? Upsampling::bilinear_corners
                                                  : Upsampling::bilinear;
  int64_t below = context.levels[levels_[0]].channels;
  for (size_t i = 1; i < levels_.size(); ++i) {
    const int64_t skip = context.levels[levels_[i]].channels;
    const bool last = i + 1 == levels_.size();
    const int64_t next = last || upsampling_ == Upsampling::transpose ? skip : context.levels[levels_[i + 1]].channels;
    add_step(i, below, skip, next);
    below = next;
  }
  auto outc = register_module("outc", std::make_shared<torch::nn::Module>("outc"));
  outc_ = outc->register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(below, context.outputs, 1)));
}

void UnetDecoder::add_step(size_t number, int64_t below, int64_t skip, int64_t outputs) {
  const std::string name = fmt::format("up{}", number);
  auto module = register_module(name, std::make_shared<torch::nn::Module>(name));
  Step step;
  if (upsampling_ == Upsampling::transpose) {
    const auto options = torch::nn::ConvTranspose2dOptions(below, skip, 2).stride(2);
    step.up = module->register_module("up", torch::nn::ConvTranspose2d(options));
    below = skip;
  }
  const int64_t inputs = skip + below;
  const int64_t between = upsampling_ == Upsampling::transpose ? outputs : std::max<int64_t>(inputs / 2, 1);
  step.conv = module->register_module("conv", std::make_shared<DoubleConv>(inputs, outputs, between));
  steps_.push_back(std::move(step));
}

at::Tensor UnetDecoder::doubled(Step& step, const at::Tensor& x) const {
  const std::vector<double> twice = {2.0, 2.0};
  if (upsampling_ == Upsampling::transpose) return step.up->forward(x);
  if (upsampling_ == Upsampling::nearest) return at::upsample_nearest2d(x, c10::nullopt, c10::ArrayRef<double>(twice));
  return at::upsample_bilinear2d(x, c10::nullopt, upsampling_ == Upsampling::bilinear_corners,
                                 c10::ArrayRef<double>(twice));
}

std::vector<at::Tensor> UnetDecoder::steps(const Features& features) {
  std::vector<at::Tensor> maps;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const at::Tensor& skip = features.at(levels_[i + 1]);
    at::Tensor x = doubled(steps_[i], i == 0 ? features.at(levels_[0]) : maps.back());
    x = fit_along(3, fit_along(2, x, skip), skip);
    maps.push_back(steps_[i].conv->forward(at::cat({skip, x}, 1)));
  }
  return maps;
}

at::Tensor UnetDecoder::forward(const Features& features) { return outc_->forward(steps(features).back()); }

std::vector<std::optional<CellSpan>> UnetDecoder::cells(int64_t pixel) const {
  if (upsampling_ == Upsampling::bilinear_corners) return {};
  // Bilinear doubling mixes a cell with the next one on the side where the pixel lies.
  const int64_t mixed = upsampling_ == Upsampling::bilinear ? 1 : 0;
  std::vector<std::optional<CellSpan>> result(level_count_);
  CellSpan span{pixel, pixel};
  for (size_t i = levels_.size() - 1; i > 0; --i) {
    span = {span.first - 2, span.last + 2};
    result[levels_[i]] = span;
    span = {floor_half(span.first - mixed), floor_half(span.last + mixed)};
  }
  result[levels_[0]] = span;
  return result;
}

void register_unet_decoder(HeadRegistry& registry) {
  registry.add<UnetDecoderOptions>("unet_decoder", "The decoder of a U-Net: a map of the input's size",
                                   "Ronneberger et al. 2015, figure 1",
                                   [](const UnetDecoderOptions& options, const HeadContext& context) {
                                     return std::make_unique<UnetDecoder>(options, context);
                                   });
}

}  // namespace polytask
