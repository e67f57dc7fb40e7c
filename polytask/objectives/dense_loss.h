#pragma once
#include <polytask/core/registry.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace polytask {

/// A loss over maps: one value for the whole batch, because some (dice, lovasz, silog) are no mean over pixels.
class DenseLoss {
 public:
  virtual ~DenseLoss() = default;
  /// `output` [B, C, H, W] raw logits or, in dense regression, values as learnt [B, 1, H, W]; `target` long [B, H, W]
  /// or float [B, H, W]; `valid` bool [B, H, W], undefined where every pixel is labelled → a scalar with graph. Pixels
  /// outside `valid` have no influence whatever output and target hold there (NaN included): value and gradient are
  /// those of the valid pixels alone, their own gradient is exactly 0. Undefined where no pixel counts: none is valid,
  /// or the loss leaves out all that are. Half precision is reduced in float32.
  virtual at::Tensor forward(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const = 0;
  /// Whether only targets above 0, as they are learnt, count.
  virtual bool leaves_out_negatives() const { return false; }
};

/// The families by name. Where a segmentation loss's section says `class_weights: balanced`, in a term of a `sum` too,
/// the task puts the list of weights in its place before it creates the loss (with_balanced_weights).
using DenseLossRegistry = Registry<DenseLoss, int64_t /*classes; 1 for regression*/>;
DenseLossRegistry& segmentation_losses();      ///< cross_entropy, dice, focal, lovasz, sum
DenseLossRegistry& dense_regression_losses();  ///< l1, huber, mse, berhu, silog

}  // namespace polytask
