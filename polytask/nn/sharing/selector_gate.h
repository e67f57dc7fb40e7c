#pragma once
#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>

namespace polytask {

/// The smooth step of Hazimeh et al. 2020: 0 for t ≤ −γ/2, 1 for t ≥ γ/2, between them the cubic
/// −2t³/γ³ + 3t/(2γ) + 1/2 that joins both with slope 0. γ above 0.
at::Tensor smooth_step(const at::Tensor& t, double gamma);

/// Bits that number `experts` experts: ⌈log₂ experts⌉.
int64_t code_length(int64_t experts);

/// Probability that each selector gives each expert: the product over the bits of the expert's number, most significant
/// first, of S(z) where the bit is 1 and 1 − S(z) where it is 0. `steps` are S(z): [B, k, bits] → [B, k, experts]. Rows
/// sum to 1 where `experts` is a power of two; otherwise to less, by what lies on numbers that no expert bears.
at::Tensor selector_probabilities(const at::Tensor& steps, int64_t experts);

/// Mean over samples of the selectors' entropies, −Σ r log(r + 1e-6), summed over selectors: low where each selects one
/// expert. A scalar, from [B, k, E].
at::Tensor selector_entropy(const at::Tensor& selectors);

/// How much probability lies on numbers without expert: mean over samples of Σ over selectors of (1 + ε)/(s + ε) − 1,
/// s the sum over experts, ε = 0.1. 0 where all of it is on experts, and at most 1/ε for each selector, with a finite
/// gradient. (The paper's and Google's 1/s is infinite where a selector has settled on such a number.)
at::Tensor unreachable_excess(const at::Tensor& selectors);

/// What a gate makes of a batch of B samples.
struct Selection {
  at::Tensor logits;     ///< [B, k · bits]
  at::Tensor selectors;  ///< [B, k, E]
  at::Tensor weights;    ///< [B, E], selectors mixed by softmax(Linear(x))
};

/// The gate of DSelect-k for one task (Hazimeh et al. 2021, eq. 4 and section 3.2): k selectors, each of which can come
/// to give all weight to one expert. Names: codes.weight, codes.bias (logits of the bits), mixing.… (of the mixture).
class SelectorGate : public torch::nn::Module {
 public:
  /// `inputs`: values of one sample. As in Google's and LibMTL's, codes start uniform in ±γ/100, mixing in ±0.05.
  SelectorGate(int64_t inputs, int64_t experts, int64_t selectors, double gamma);
  Selection forward(const at::Tensor& x);

 private:
  int64_t experts_, selectors_;
  double gamma_;
  torch::nn::Linear codes_{nullptr}, mixing_{nullptr};
};

}  // namespace polytask
