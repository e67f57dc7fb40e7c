#pragma once
#include <ATen/core/Tensor.h>

namespace polytask {

// Linear models fitted in closed form or by Newton's method, in double precision: what a network has to beat. All take
// features [N, F] and add an intercept themselves.

/// Ridge regression of `targets` [N, K]; returns coefficients [F + 1, K] (the intercept last, not penalised).
inline at::Tensor fit_ridge(const at::Tensor& features, const at::Tensor& targets, double penalty) {
  const auto x = at::cat({features.to(at::kDouble), at::ones({features.size(0), 1}, at::kDouble)}, 1);
  auto gram = x.t().mm(x);
  auto ridge = at::full({x.size(1)}, penalty, at::kDouble);
  ridge[-1] = 0;
  gram.diagonal().add_(ridge);
  gram.diagonal().add_(1e-9 * gram.diagonal().mean());
  return at::linalg_solve(gram, x.t().mm(targets.to(at::kDouble)));
}

inline at::Tensor predict_linear(const at::Tensor& features, const at::Tensor& coefficients) {
  const auto x = at::cat({features.to(at::kDouble), at::ones({features.size(0), 1}, at::kDouble)}, 1);
  return x.mm(coefficients);
}

/// Logistic regression of 0/1 `targets` [N] by Newton's method; coefficients [F + 1, 1].
inline at::Tensor fit_logistic(const at::Tensor& features, const at::Tensor& targets, double penalty,
                               int iterations = 25) {
  const auto x = at::cat({features.to(at::kDouble), at::ones({features.size(0), 1}, at::kDouble)}, 1);
  const auto y = targets.to(at::kDouble).reshape({-1, 1});
  auto ridge = at::full({x.size(1)}, penalty, at::kDouble);
  ridge[-1] = 1e-9;
  auto w = at::zeros({x.size(1), 1}, at::kDouble);
  for (int i = 0; i < iterations; ++i) {
    const auto p = at::sigmoid(x.mm(w));
    const auto hessian = x.t().mm(x * (p * (1 - p)).clamp_min(1e-9)) + at::diag(ridge);
    const auto gradient = x.t().mm(p - y) + ridge.reshape({-1, 1}) * w;
    w = w - at::linalg_solve(hessian, gradient);
  }
  return w;
}

}  // namespace polytask
