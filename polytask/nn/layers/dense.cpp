#include <polytask/nn/layers/batch_norm.h>
#include <polytask/nn/layers/dense.h>

#include <ATen/ATen.h>

namespace polytask {

Range dropout_range() {
  Range range = between(0, 1);
  range.max_open = true;
  return range;
}

Dense::Dense(int64_t inputs, int64_t outputs, const DenseOptions& options)
    : fc_(register_module("fc", torch::nn::Linear(inputs, outputs))),
      activation_(activation_of(options.activation)),
      dropout_(options.dropout) {
  if (options.batch_norm) bn_ = register_module("bn", torch::nn::BatchNorm1d(outputs));
}

at::Tensor Dense::forward(const at::Tensor& x) {
  at::Tensor y = fc_->forward(x);
  if (bn_) {
    require_batch_statistics(y, bn_->is_training());
    y = bn_->forward(y);
  }
  y = activation_(y);
  return dropout_ > 0 ? at::dropout(y, dropout_, is_training()) : y;
}

DenseStack::DenseStack(int64_t inputs, const std::vector<int64_t>& widths, const DenseOptions& options) {
  for (const int64_t width : widths) {
    auto layer = std::make_shared<Dense>(inputs, width, options);
    layers_.push_back(register_module(std::to_string(layers_.size()), layer));
    inputs = width;
  }
}

std::vector<at::Tensor> DenseStack::forward(const at::Tensor& x) {
  std::vector<at::Tensor> outputs;
  for (const auto& layer : layers_) outputs.push_back(layer->forward(outputs.empty() ? x : outputs.back()));
  return outputs;
}

}  // namespace polytask
