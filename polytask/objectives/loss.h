#pragma once
#include <polytask/core/registry.h>

#include <ATen/core/Tensor.h>

#include <memory>

namespace polytask {

/// A loss without reduction: the task averages over what is labelled.
class Loss {
 public:
  virtual ~Loss() = default;
  /// `output` [B, C] or [B, K·outputs_per_target] raw outputs, `target` long [B] or float [B, K] → one loss per sample
  /// and target, [B] or [B, K]. Invalid targets hold finite filler values.
  virtual at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const = 0;
  /// Weight of each sample in the mean (class weights), or undefined for equal weights; same shape as forward's result.
  virtual at::Tensor sample_weights(const at::Tensor& target) const {
    (void)target;
    return {};
  }
  /// Whether a sample's weight can be 0.
  virtual bool leaves_out_samples() const { return false; }
  /// Raw outputs needed per target value (nll_gaussian: 2).
  virtual int64_t outputs_per_target() const { return 1; }
};

/// Losses of one family. `outputs` is the number of classes or target values. Where a classification loss's section
/// says `class_weights: balanced`, the task puts the list of weights in its place before it creates the loss.
using LossRegistry = Registry<Loss, int64_t /*outputs*/>;
LossRegistry& classification_losses();  ///< cross_entropy (label_smoothing, class_weights), focal
LossRegistry& binary_losses();          ///< bce (pos_weight)
LossRegistry& regression_losses();      ///< mse, l1, huber, smooth_l1, nll_gaussian

}  // namespace polytask
