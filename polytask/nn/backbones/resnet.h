#pragma once
#include <polytask/nn/backbone.h>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

struct ResnetOptions {
  std::vector<int64_t> widths = {64, 128, 256, 512};
  std::string stem = "imagenet";
  void fields(Fields& f);
};

/// Two 3×3 convolutions and a shortcut (He et al. 2016, fig. 5 left); the first convolution has the stride, and the
/// shortcut is a 1×1 convolution where shape or width changes. Names as torchvision's.
class BasicBlock : public torch::nn::Module {
 public:
  BasicBlock(int64_t inputs, int64_t outputs, int64_t stride);
  at::Tensor forward(const at::Tensor& x);  // [B, inputs, H, W] → [B, outputs, ⌈H/stride⌉, ⌈W/stride⌉]

 private:
  torch::nn::Sequential downsample_{nullptr};
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr}, bn2_{nullptr};
};

/// Residual network of basic blocks (He et al. 2016). Levels layer1 … layerN, each half the size of the one before, and
/// the vector `pooled` (mean over space of the last). Parameter names, and so the files that load, are torchvision's
/// without `fc`. Stem `imagenet`: 7×7 convolution of stride 2 and a 3×3 maximum of stride 2; `small`: 3×3 convolution
/// of stride 1. Convolutions start from Kaiming's normal distribution (fan out), batch normalisation (eps 1e-5) at 1
/// and 0.
class Resnet : public Backbone {
 public:
  /// `blocks`: how many in each stage, as many as `options.widths`. Throws InputError where these differ or the input
  /// is no image.
  Resnet(const std::vector<int64_t>& blocks, const ResnetOptions& options, const InputShape& input);
  std::vector<Level> levels() const override;
  Features forward(const at::Tensor& input) override;

  /// What the first stage sees: [B, C, H, W] → [B, widths[0], H/4, W/4] (stem `small`: the same size).
  at::Tensor stem(const at::Tensor& input);
  /// Output of every stage, from the stem's.
  Features stages(const at::Tensor& stem);

 private:
  ResnetOptions options_;
  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  std::vector<torch::nn::Sequential> stages_;
};

}  // namespace polytask
