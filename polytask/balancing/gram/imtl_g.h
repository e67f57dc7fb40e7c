#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>
#include <polytask/solvers/pseudo_inverse.h>

#include <string>
#include <vector>

namespace polytask {

/// The α, Σ α = 1, whose direction Gᵀα has the same projection on every gradient: α ∝ N⁻¹C⁻¹1 with N the norms and C
/// the inner products of the unit rows.
class Impartial {
 public:
  /// | rule            | how                                                                                         |
  /// | paper           | C⁺ with the rank of the unit rows. Linearly dependent rows: the projections are equal in    |
  /// |                 | the least-squares sense; duplicates share; a zero row has α = 0. α ∝ 1/‖g‖, whose direction |
  /// |                 | is 0, where C⁺1 = 0 (opposite rows). 1/R, and solved = false, where Σ α is 0 before         |
  /// |                 | normalisation, and where every gradient is 0.                                               |
  /// | libmtl          | α_{2:} = g_1 Uᵀ (D Uᵀ)⁻¹ with the differences D, U of rows and unit rows from the first.    |
  /// |                 | Where that is singular or not finite LibMTL fails; here: the rule `paper`, solved = false   |
  /// | nash, samsung   | the same; a singular D Uᵀ gets 1e-8·I                                                       |
  /// | torchjd         | v = M⁺ √diag M, α = v/Σv, or 0 where |Σv| < 1e-12; M⁺ cuts at R · ε · λ_max                 |
  explicit Impartial(std::string rule);
  /// [R] for the inner products of R rows.
  std::vector<double> solve(const Matrix& gram, SolverStatus& status);

 private:
  bool by_projections(const Matrix& gram, std::vector<double>& alpha);
  bool by_inverse(const Matrix& gram, double ridge, std::vector<double>& alpha);
  void by_pseudo_inverse(const Matrix& gram, std::vector<double>& alpha);

  std::string rule_;
  Matrix units_, system_;
  std::vector<double> norms_, ones_, y_, right_;
  PseudoInverse inverse_;
};

struct ImtlGOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";  ///< paper | libmtl | nash | samsung | torchjd: the rule of Impartial
  void fields(Fields& f);
};

/// Impartial multi-task learning, gradient part: w = α of Impartial, whose signs are free. Heads receive the gradient
/// of their own loss; by the convention nash, which minimises Σ α_t L_t, times α.
/// Source: Liu et al., Towards Impartial Multi-task Learning, ICLR 2021, equation 6.
class ImtlG : public GramWeighting {
 public:
  explicit ImtlG(const ImtlGOptions& options);
  HeadGradient heads() const override;
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  std::string convention_;
  Impartial impartial_;
};

}  // namespace polytask
