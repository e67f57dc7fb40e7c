#pragma once
#include <ATen/ATen.h>

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

/// Multinomial logistic regression of the classes `labels` (long [N], in 0…classes − 1) by Newton's method with halved
/// steps; `penalty`, on the mean loss, must be > 0, because the softmax leaves one direction free. Coefficients
/// [F + 1, classes].
inline at::Tensor fit_multinomial(const at::Tensor& features, const at::Tensor& labels, int64_t classes, double penalty,
                                  int iterations = 20) {
  const auto x = at::cat({features.to(at::kDouble), at::ones({features.size(0), 1}, at::kDouble)}, 1);
  const auto y = at::one_hot(labels, classes).to(at::kDouble);
  const int64_t width = x.size(1);
  const auto n = static_cast<double>(x.size(0));
  const auto loss = [&](const at::Tensor& w) {
    return (-(at::log_softmax(x.mm(w), 1) * y).sum() / n + penalty / 2 * w.square().sum()).item<double>();
  };
  auto w = at::zeros({width, classes}, at::kDouble);
  for (double before = loss(w); iterations > 0; --iterations) {
    const auto p = at::softmax(x.mm(w), 1);
    const auto gradient = x.t().mm(p - y) / n + penalty * w;
    auto hessian = at::zeros({classes, width, classes, width}, at::kDouble);
    for (int64_t a = 0; a < classes; ++a)
      for (int64_t b = a; b < classes; ++b) {
        const auto curvature = a == b ? p.select(1, a) * (1 - p.select(1, a)) : -p.select(1, a) * p.select(1, b);
        const auto block = x.t().mm(x * curvature.unsqueeze(1)) / n;  // symmetric
        hessian.select(2, b).select(0, a).copy_(block);
        hessian.select(2, a).select(0, b).copy_(block);
      }
    const auto matrix = hessian.view({classes * width, -1}) + penalty * at::eye(classes * width, at::kDouble);
    const auto step = at::linalg_solve(matrix, gradient.t().reshape({-1, 1})).view({classes, width}).t();
    double length = 1, after = loss(w - step);
    while (!(after <= before) && length > 1e-3) after = loss(w - (length /= 2) * step);
    w = w - length * step;
    if (before - after < 1e-9) break;
    before = after;
  }
  return w;
}

}  // namespace polytask
