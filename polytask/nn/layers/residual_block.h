#pragma once
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include <cstdint>
#include <memory>

namespace polytask {

/// A convolution without bias, padded by half its kernel, that starts from Kaiming's normal distribution (fan out).
torch::nn::Conv2d residual_convolution(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride);

/// A block of a residual network: [B, inputs, H, W] → [B, outputs, ⌈H/stride⌉, ⌈W/stride⌉]. The shortcut is a 1×1
/// convolution where shape or width changes, or where `project` asks for it. Names as torchvision's.
class ResidualBlock : public torch::nn::Module {
 public:
  virtual at::Tensor forward(const at::Tensor& x) = 0;

 protected:
  void add_shortcut(int64_t inputs, int64_t outputs, int64_t stride, bool project);
  at::Tensor shortcut(const at::Tensor& x);

 private:
  torch::nn::Sequential downsample_{nullptr};
};

/// Two 3×3 convolutions (He et al. 2016, fig. 5 left); the first has the stride.
class BasicBlock : public ResidualBlock {
 public:
  static constexpr int64_t kExpansion = 1;
  BasicBlock(int64_t inputs, int64_t outputs, int64_t stride, bool project = false);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr}, bn2_{nullptr};
};

/// 1×1, 3×3 with the stride, 1×1 (He et al. 2016, fig. 5 right, with the stride where torchvision has it):
/// 4 · `width` channels come out.
class Bottleneck : public ResidualBlock {
 public:
  static constexpr int64_t kExpansion = 4;
  Bottleneck(int64_t inputs, int64_t width, int64_t stride, bool project = false);
  at::Tensor forward(const at::Tensor& x) override;

 private:
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr}, conv3_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr}, bn2_{nullptr}, bn3_{nullptr};
};

enum class BlockType { basic, bottleneck };
/// Channels that come out of a block, per channel of its width: 1 or 4.
int64_t expansion_of(BlockType type);
std::shared_ptr<ResidualBlock> make_block(BlockType type, int64_t inputs, int64_t width, int64_t stride,
                                          bool project = false);

}  // namespace polytask
