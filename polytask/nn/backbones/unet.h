#pragma once
#include <polytask/nn/layers/double_conv.h>
#include <polytask/nn/staged_backbone.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

struct UnetOptions {
  int64_t width = 64;
  int64_t depth = 4;
  bool halved_bottleneck = false;
  void fields(Fields& f);
};

/// The encoder of a U-Net (Ronneberger et al. 2015, with padded convolutions and batch normalisation as in milesial's
/// Pytorch-UNet): a block of two convolutions at full size, then `depth` times the 2×2 maximum and a block with twice
/// the channels; odd rows and columns at the end are dropped by the maximum. Levels stride1, stride2, stride4, … of
/// width, 2·width, 4·width, … channels, the last with half of that where `halved_bottleneck`; head `unet_decoder` reads
/// them all. libtorch's initial weights. Parameter names, and so the files that load, are Pytorch-UNet's: inc, down1,
/// …. Stages: inc, down1, ….
class UnetBackbone : public StagedBackbone {
 public:
  /// Throws InputError where the input is no image, or smaller than 2^depth pixels along an axis.
  UnetBackbone(const UnetOptions& options, const InputShape& input);
  std::vector<Level> levels() const override;
  std::vector<std::string> stages() const override;
  at::Tensor stage(size_t index, const at::Tensor& x) override;
  size_t stage_of(const std::string& name) const override;
  Features features(const std::vector<at::Tensor>& outputs) override { return outputs; }
  std::vector<std::optional<Reach>> reach() const override;

 private:
  int64_t channels(size_t stage) const;

  UnetOptions options_;
  std::vector<std::shared_ptr<DoubleConv>> blocks_;
};

}  // namespace polytask
