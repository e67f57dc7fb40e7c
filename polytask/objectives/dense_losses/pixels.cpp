#include <polytask/core/error.h>
#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/losses/mean_loss.h>

#include <fmt/ranges.h>

#include <utility>

namespace polytask {
namespace {

class PixelMean : public DenseLoss {
 public:
  explicit PixelMean(std::unique_ptr<Loss> loss) : loss_(std::move(loss)) {}
  at::Tensor forward(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    const Pixels pixels = valid_pixels(output, target, valid);
    return pixels.empty() ? at::Tensor() : mean_loss(*loss_, pixels.output, pixels.target, {});
  }

 private:
  std::unique_ptr<Loss> loss_;
};

void check_shapes(const at::Tensor& output, const at::Tensor& target) {
  const bool fit = output.dim() == 4 && target.dim() == 3 && output.size(0) == target.size(0) &&
                   output.size(2) == target.size(1) && output.size(3) == target.size(2);
  if (fit) return;
  throw InputError(
      "a loss over maps needs outputs [B, C, H, W] for targets [B, H, W]; here they are [{}] and [{}]: the task's head "
      "must give a map of the input's size, as unet_decoder does",
      fmt::join(output.sizes(), ", "), fmt::join(target.sizes(), ", "));
}

}  // namespace

Pixels valid_pixels(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) {
  check_shapes(output, target);
  Pixels pixels;
  pixels.output = output.permute({0, 2, 3, 1}).reshape({-1, output.size(1)});
  pixels.target = target.reshape(-1);
  if (valid.defined()) {
    const at::Tensor places = valid.reshape(-1).nonzero().squeeze(1);
    pixels.output = pixels.output.index_select(0, places);
    pixels.target = pixels.target.index_select(0, places);
  }
  pixels.output = at_least_float32(pixels.output);
  if (target.is_floating_point()) pixels.target = pixels.target.to(pixels.output.scalar_type()).unsqueeze(1);
  return pixels;
}

std::unique_ptr<DenseLoss> over_pixels(std::unique_ptr<Loss> loss) {
  return std::make_unique<PixelMean>(std::move(loss));
}

}  // namespace polytask
