#pragma once
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <cstdint>

namespace polytask {

/// Twice 3×3 convolution (padded, no bias), batch normalisation (eps 1e-5, momentum 0.1), ReLU: [B, inputs, H, W] →
/// [B, outputs, H, W] with `between` channels after the first (the block of Ronneberger et al. 2015, fig. 1, padded and
/// normalised). Names as milesial's Pytorch-UNet: double_conv.{0,1,3,4}.
class DoubleConv : public torch::nn::Module {
 public:
  DoubleConv(int64_t inputs, int64_t outputs, int64_t between);
  DoubleConv(int64_t inputs, int64_t outputs) : DoubleConv(inputs, outputs, outputs) {}
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Conv2d first_{nullptr}, second_{nullptr};
  torch::nn::BatchNorm2d first_norm_{nullptr}, second_norm_{nullptr};
};

}  // namespace polytask
