#pragma once
#include <polytask/nn/head.h>
#include <polytask/nn/heads/vector_input.h>
#include <polytask/nn/layers/dense.h>

#include <torch/nn/modules/linear.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct MlpHeadOptions {
  VectorInputOptions input;
  std::vector<int64_t> hidden = {64};
  std::string activation = "relu";
  double dropout = 0;
  bool batch_norm = false;
  void fields(Fields& f);
};

/// Dense layers (`hidden.0`, …) and a linear one (`fc`) on one vector per sample.
class MlpHead : public Head {
 public:
  MlpHead(const MlpHeadOptions& options, const HeadContext& context);
  at::Tensor forward(const Features& features) override;

 private:
  VectorInput input_;
  std::shared_ptr<DenseStack> hidden_;
  torch::nn::Linear fc_{nullptr};
};

}  // namespace polytask
