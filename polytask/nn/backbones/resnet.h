#pragma once
#include <polytask/nn/layers/residual_block.h>
#include <polytask/nn/staged_backbone.h>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

struct ResnetOptions {
  std::vector<int64_t> widths = {64, 128, 256, 512};
  std::string stem = "imagenet";
  void fields(Fields& f);
};

/// Residual network (He et al. 2016) of basic blocks or bottlenecks. Levels layer1 … layerN, each half the size of the
/// one before, and the vector `pooled` (mean over space of the last). Parameter names, and so the files that load, are
/// torchvision's without `fc`. Stem `imagenet`: 7×7 convolution of stride 2 and a 3×3 maximum of stride 2; `small`: 3×3
/// convolution of stride 1. Convolutions start from Kaiming's normal distribution (fan out), batch normalisation
/// (eps 1e-5) at 1 and 0. Stages: stem, layer1 … layerN.
class Resnet : public StagedBackbone {
 public:
  /// `blocks`: how many in each stage, as many as `options.widths`; a stage of width w has w channels in basic blocks,
  /// 4w in bottlenecks. Throws InputError where these differ or the input is no image.
  Resnet(const std::vector<int64_t>& blocks, const ResnetOptions& options, const InputShape& input,
         BlockType type = BlockType::basic);
  std::vector<Level> levels() const override;
  std::vector<std::string> stages() const override;
  at::Tensor stage(size_t index, const at::Tensor& x) override;
  size_t stage_of(const std::string& name) const override;
  Features features(const std::vector<at::Tensor>& outputs) override;
  std::vector<std::optional<Reach>> reach() const override;

  BlockType block_type() const { return type_; }
  /// The blocks of layer1 (0), layer2 (1), …, in order.
  const std::vector<std::shared_ptr<ResidualBlock>>& blocks(size_t layer) const { return layers_.at(layer); }
  size_t layer_count() const { return layers_.size(); }

 private:
  at::Tensor stem(const at::Tensor& input);

  ResnetOptions options_;
  BlockType type_;
  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  std::vector<std::vector<std::shared_ptr<ResidualBlock>>> layers_;
};

}  // namespace polytask
