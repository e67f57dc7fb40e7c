#include <polytask/balancing/learnable.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>

namespace polytask {

at::Tensor learnable_scalar(double value) {
  at::Tensor scalar = at::full({}, value, at::kDouble);
  scalar.requires_grad_(true);
  return scalar;
}

void add_to_gradient(const at::Tensor& scalar, double amount) {
  const at::NoGradGuard no_grad;
  at::Tensor& gradient = scalar.mutable_grad();
  if (!gradient.defined()) gradient = at::zeros_like(scalar);
  gradient.add_(amount);
}

}  // namespace polytask
