#pragma once
#include <polytask/core/options.h>
#include <polytask/nn/layers/activation.h>

#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// What follows the product of a dense layer, in this order.
struct DenseOptions {
  bool batch_norm = false;
  std::string activation = "relu";
  double dropout = 0;
};
/// What a `dropout` option may be: [0, 1).
Range dropout_range();

/// Linear, batch normalisation, activation, dropout: [B, inputs] → [B, outputs]. Names: fc, bn.
class Dense : public torch::nn::Module {
 public:
  Dense(int64_t inputs, int64_t outputs, const DenseOptions& options);
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Linear fc_{nullptr};
  torch::nn::BatchNorm1d bn_{nullptr};
  Activation activation_;
  double dropout_;
};

/// Dense layers one after the other, named 0, 1, ….
class DenseStack : public torch::nn::Module {
 public:
  DenseStack(int64_t inputs, const std::vector<int64_t>& widths, const DenseOptions& options);
  /// The output of every layer, in order; none where there is no layer.
  std::vector<at::Tensor> forward(const at::Tensor& x);
  Dense& layer(size_t index) { return *layers_.at(index); }

 private:
  std::vector<std::shared_ptr<Dense>> layers_;
};

}  // namespace polytask
