#include <polytask/nn/layers/batch_norm.h>
#include <polytask/nn/layers/residual_block.h>

#include <ATen/ATen.h>
#include <torch/nn/init.h>

namespace polytask {

torch::nn::Conv2d residual_convolution(int64_t inputs, int64_t outputs, int64_t kernel, int64_t stride) {
  auto options = torch::nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false);
  torch::nn::Conv2d result(options);
  torch::nn::init::kaiming_normal_(result->weight, 0, torch::kFanOut, torch::kReLU);
  return result;
}

void ResidualBlock::add_shortcut(int64_t inputs, int64_t outputs, int64_t stride, bool project) {
  if (stride == 1 && inputs == outputs && !project) return;
  downsample_ = register_module("downsample", torch::nn::Sequential(residual_convolution(inputs, outputs, 1, stride),
                                                                    torch::nn::BatchNorm2d(outputs)));
}

at::Tensor ResidualBlock::shortcut(const at::Tensor& x) { return downsample_.is_empty() ? x : downsample_->forward(x); }

BasicBlock::BasicBlock(int64_t inputs, int64_t outputs, int64_t stride, bool project) {
  add_shortcut(inputs, outputs, stride, project);
  conv1_ = register_module("conv1", residual_convolution(inputs, outputs, 3, stride));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(outputs));
  conv2_ = register_module("conv2", residual_convolution(outputs, outputs, 3, 1));
  bn2_ = register_module("bn2", torch::nn::BatchNorm2d(outputs));
}

at::Tensor BasicBlock::forward(const at::Tensor& x) {
  at::Tensor y = conv1_->forward(x);
  require_batch_statistics(y, bn1_->is_training());
  y = at::relu(bn1_->forward(y));
  y = bn2_->forward(conv2_->forward(y));
  return at::relu(y + shortcut(x));
}

Bottleneck::Bottleneck(int64_t inputs, int64_t width, int64_t stride, bool project) {
  const int64_t outputs = kExpansion * width;
  add_shortcut(inputs, outputs, stride, project);
  conv1_ = register_module("conv1", residual_convolution(inputs, width, 1, 1));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(width));
  conv2_ = register_module("conv2", residual_convolution(width, width, 3, stride));
  bn2_ = register_module("bn2", torch::nn::BatchNorm2d(width));
  conv3_ = register_module("conv3", residual_convolution(width, outputs, 1, 1));
  bn3_ = register_module("bn3", torch::nn::BatchNorm2d(outputs));
}

at::Tensor Bottleneck::forward(const at::Tensor& x) {
  at::Tensor y = at::relu(bn1_->forward(conv1_->forward(x)));
  y = conv2_->forward(y);
  require_batch_statistics(y, bn2_->is_training());
  y = at::relu(bn2_->forward(y));
  y = bn3_->forward(conv3_->forward(y));
  return at::relu(y + shortcut(x));
}

int64_t expansion_of(BlockType type) {
  return type == BlockType::basic ? BasicBlock::kExpansion : Bottleneck::kExpansion;
}

std::shared_ptr<ResidualBlock> make_block(BlockType type, int64_t inputs, int64_t width, int64_t stride, bool project) {
  if (type == BlockType::basic) return std::make_shared<BasicBlock>(inputs, width, stride, project);
  return std::make_shared<Bottleneck>(inputs, width, stride, project);
}

}  // namespace polytask
