#pragma once
#include <polytask/objectives/dense_loss.h>
#include <polytask/objectives/loss.h>

#include <ATen/core/Tensor.h>

#include <memory>

namespace polytask {

/// The valid pixels of a batch of maps as samples.
struct Pixels {
  at::Tensor output;  ///< [n, C], float32 or wider
  at::Tensor target;  ///< long [n]; dense regression: float [n, 1], of output's type
  bool empty() const { return target.size(0) == 0; }
};

/// Takes the valid pixels out, so that nothing outside is ever computed with. Shapes as in DenseLoss::forward; throws
/// InputError where they do not go together (a head that gives no map).
Pixels valid_pixels(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid);

/// A loss of samples as one of maps: its (weighted) mean over the valid pixels.
std::unique_ptr<DenseLoss> over_pixels(std::unique_ptr<Loss> loss);

}  // namespace polytask
