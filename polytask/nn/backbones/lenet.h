#pragma once
#include <polytask/nn/layers/dense.h>
#include <polytask/nn/staged_backbone.h>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

struct LenetOptions {
  std::vector<int64_t> channels = {32, 64};
  int64_t kernel = 5;
  int64_t features = 128;
  bool batch_norm = false;
  double dropout = 0;
  void fields(Fields& f);
};

/// Small images: stages of convolution (no padding), batch normalisation, 2×2 maximum, ReLU; then one dense layer
/// (LeCun et al. 1998, with today's activation and pooling). Levels conv1, conv2, … (stride 2, 4, …) and the vector
/// `features`, each a stage.
class LenetBackbone : public StagedBackbone {
 public:
  /// Throws InputError where the input is no image or too small for the stages.
  LenetBackbone(const LenetOptions& options, const InputShape& input);
  std::vector<Level> levels() const override;
  std::vector<std::string> stages() const override;
  at::Tensor stage(size_t index, const at::Tensor& x) override;
  size_t stage_of(const std::string& name) const override;
  Features features(const std::vector<at::Tensor>& outputs) override { return outputs; }

 private:
  LenetOptions options_;
  std::vector<torch::nn::Conv2d> convolutions_;
  std::vector<torch::nn::BatchNorm2d> norms_;
  std::shared_ptr<Dense> features_;
};

}  // namespace polytask
