#include <polytask/nn/layers/batch_norm.h>
#include <polytask/nn/layers/double_conv.h>

#include <ATen/ATen.h>

#include <memory>

namespace polytask {
namespace {

torch::nn::Conv2d convolution(int64_t inputs, int64_t outputs) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, 3).padding(1).bias(false));
}

}  // namespace

DoubleConv::DoubleConv(int64_t inputs, int64_t outputs, int64_t between) {
  auto layers = register_module("double_conv", std::make_shared<torch::nn::Module>("double_conv"));
  first_ = layers->register_module("0", convolution(inputs, between));
  first_norm_ = layers->register_module("1", torch::nn::BatchNorm2d(between));
  second_ = layers->register_module("3", convolution(between, outputs));
  second_norm_ = layers->register_module("4", torch::nn::BatchNorm2d(outputs));
}

at::Tensor DoubleConv::forward(const at::Tensor& x) {
  at::Tensor y = first_->forward(x);
  require_batch_statistics(y, first_norm_->is_training());
  y = at::relu(first_norm_->forward(y));
  return at::relu(second_norm_->forward(second_->forward(y)));
}

}  // namespace polytask
