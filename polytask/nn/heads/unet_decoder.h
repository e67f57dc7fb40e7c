#pragma once
#include <polytask/nn/head.h>
#include <polytask/nn/layers/double_conv.h>

#include <torch/nn/modules/conv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

struct UnetDecoderOptions {
  std::string upsampling = "transpose";
  std::string interpolation = "bilinear";
  bool align_corners = false;
  void fields(Fields& f);
};

/// The decoder of a U-Net (Ronneberger et al. 2015, figure 1): from the deepest level up, each step doubles the size,
/// puts the level of that size (the skip) before the result and goes through two 3×3 convolutions; a 1×1 convolution
/// gives [B, outputs, H, W]. With c channels from below and s in the skip:
/// - transpose: transposed convolution 2×2 of stride 2 with bias, c → s; the convolutions 2s → s → s;
/// - resize_conv: interpolation ×2 without parameters; the convolutions c + s → (c + s)/2 → channels of the next skip
///   (the last step: s).
/// These are the widths of milesial's Pytorch-UNet on a `unet` backbone (resize_conv: one with `halved_bottleneck`; its
/// bilinear variant is `align_corners: true`). A skip one pixel larger than the doubled map (odd sizes) gets a row or
/// column of zeros at the end; of a doubled map one pixel larger than the skip the last one is cut off. libtorch's
/// initial weights. Names as there: up1.up, up1.conv, …, outc.
class UnetDecoder : public Head {
 public:
  /// Reads the spatial levels of strides 1, 2, 4, … (of several with one stride the last). Throws InputError where
  /// there are no levels of strides 1 and 2, where the spatial ones do not go on halving, and for `align_corners`
  /// without bilinear interpolation.
  UnetDecoder(const UnetDecoderOptions& options, const HeadContext& context);
  at::Tensor forward(const Features& features) override;
  /// The map after each step, deepest first: [B, C, H/2^k, W/2^k].
  std::vector<at::Tensor> steps(const Features& features);
  bool dense() const override { return true; }
  std::vector<std::optional<CellSpan>> cells(int64_t pixel) const override;

 private:
  enum class Upsampling { transpose, nearest, bilinear, bilinear_corners };
  struct Step {
    torch::nn::ConvTranspose2d up{nullptr};  // transpose alone
    std::shared_ptr<DoubleConv> conv;
  };
  void add_step(size_t number, int64_t below, int64_t skip, int64_t outputs);
  at::Tensor doubled(Step& step, const at::Tensor& x) const;

  Upsampling upsampling_;
  size_t level_count_;
  std::vector<size_t> levels_;  // indices of those that are read, deepest first
  std::vector<Step> steps_;
  torch::nn::Conv2d outc_{nullptr};
};

}  // namespace polytask
