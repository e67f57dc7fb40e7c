#pragma once
#include <polytask/balancing/gradients/layer_graph.h>
#include <polytask/solvers/matrix.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// The parts of M and of the step that come from one layer's weight and bias, without any weight gradient but the
/// combined one. With a the layer's input [n, in] and δ_t task t's gradient at its output [n, out]:
///   ⟨g_i, g_j⟩ = ⟨δ_i, K δ_j⟩, K = a aᵀ (+ 1, for the bias) [n, n];   Σ w_t g_t = (Σ w_t δ_t)ᵀ a.
class LayerProducts {
 public:
  explicit LayerProducts(LayerUse use) : use_(std::move(use)) {}
  const LayerUse& use() const { return use_; }
  /// δ of every row, in their order; undefined: zero. Kept until combine().
  void set_deltas(const std::vector<at::Tensor>& deltas);
  void add_gram(Matrix& gram) const;
  /// Adds Σ_r w_r g_r to .grad of the layer's weight and bias.
  void combine(const std::vector<double>& w, const at::Tensor& weight, const at::Tensor& bias) const;

  /// Whether K may be formed: it has [n, n] entries, and n is samples × positions for convolutions.
  static bool are_possible(const LayerUse& use) { return use.rows <= kMostRows; }
  static constexpr int64_t kMostRows = 4096;
  /// Estimated cost of M's and the step's part by products, and by plain rows of the gradient matrix, in units of
  /// floating-point operations of a matrix product. `tasks`: R.
  static double cost_of_products(const LayerUse& use, int64_t tasks);
  static double cost_of_rows(const LayerUse& use, int64_t tasks);

 private:
  LayerUse use_;
  std::vector<at::Tensor> deltas_;  // [n, out] each
};

}  // namespace polytask
