#include <polytask/nn/sharing/selector_gate.h>

#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <torch/utils.h>

#include <vector>

namespace polytask {

at::Tensor smooth_step(const at::Tensor& t, double gamma) {
  const at::Tensor scaled = t / gamma;
  const at::Tensor cubic = scaled * (1.5 - 2.0 * scaled * scaled) + 0.5;
  return at::where(scaled <= -0.5, at::zeros_like(t), at::where(scaled >= 0.5, at::ones_like(t), cubic));
}

int64_t code_length(int64_t experts) {
  int64_t bits = 0;
  while ((int64_t{1} << bits) < experts) ++bits;
  return bits;
}

at::Tensor selector_probabilities(const at::Tensor& steps, int64_t experts) {
  const int64_t bits = code_length(experts);
  std::vector<at::Tensor> columns;
  for (int64_t expert = 0; expert < experts; ++expert) {
    at::Tensor product;
    for (int64_t bit = 0; bit < bits; ++bit) {
      const at::Tensor step = steps.select(-1, bit);
      const bool one = ((expert >> (bits - 1 - bit)) & 1) != 0;
      const at::Tensor factor = one ? step : 1.0 - step;
      product = bit == 0 ? factor : product * factor;
    }
    columns.push_back(product);
  }
  return at::stack(columns, -1);
}

at::Tensor selector_entropy(const at::Tensor& selectors) {
  return -(selectors * (selectors + 1e-6).log()).sum({1, 2}).mean();
}

at::Tensor unreachable_excess(const at::Tensor& selectors) {
  constexpr double kEpsilon = 0.1;
  return ((1.0 + kEpsilon) / (selectors.sum(-1) + kEpsilon) - 1.0).sum(-1).mean();
}

SelectorGate::SelectorGate(int64_t inputs, int64_t experts, int64_t selectors, double gamma)
    : experts_(experts),
      selectors_(selectors),
      gamma_(gamma),
      codes_(register_module("codes", torch::nn::Linear(inputs, selectors * code_length(experts)))),
      mixing_(register_module("mixing", torch::nn::Linear(inputs, selectors))) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : codes_->parameters()) parameter.uniform_(-gamma / 100, gamma / 100);
  for (auto& parameter : mixing_->parameters()) parameter.uniform_(-0.05, 0.05);
}

Selection SelectorGate::forward(const at::Tensor& x) {
  const at::Tensor flat = x.flatten(1);
  Selection result;
  result.logits = codes_->forward(flat);
  const at::Tensor steps = smooth_step(result.logits.view({-1, selectors_, code_length(experts_)}), gamma_);
  result.selectors = selector_probabilities(steps, experts_);
  const at::Tensor mixture = at::softmax(mixing_->forward(flat), 1);               // [B, k]
  result.weights = at::matmul(mixture.unsqueeze(1), result.selectors).squeeze(1);  // [B, 1, k] × [B, k, E]
  return result;
}

}  // namespace polytask
