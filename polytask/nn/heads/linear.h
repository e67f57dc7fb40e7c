#pragma once
#include <polytask/nn/head.h>
#include <polytask/nn/heads/vector_input.h>

#include <torch/nn/modules/linear.h>

namespace polytask {

/// One linear layer (`fc`) on one vector per sample.
class LinearHead : public Head {
 public:
  LinearHead(const VectorInputOptions& options, const HeadContext& context);
  at::Tensor forward(const Features& features) override;

 private:
  VectorInput input_;
  torch::nn::Linear fc_{nullptr};
};

}  // namespace polytask
