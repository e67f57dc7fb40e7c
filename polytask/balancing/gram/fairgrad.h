#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>
#include <polytask/solvers/power_newton.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention    | rescale | max_norm | heads    |
/// | paper, libmtl | none    | 0        | weighted |
/// | torchjd       | none    | 0        | own      |
/// | official      | tasks   | 1        | own      |
struct FairGradOptions {
  static constexpr const char* kHeads = "weighted";
  std::string convention = "paper";
  double alpha = 1;
  std::optional<std::string> rescale;  ///< none | tasks: the direction times the number of rows
  std::optional<double> max_norm;      ///< of the shared direction, after rescale; 0: no bound
  void fields(Fields& f);
};

/// Fair resource allocation: x > 0 with
///   (Mx)_i = x_i^{−1/α} for every task,
/// the α-fair choice of each task's gain (Gd)_i: α = 1 proportional (Nash-MTL's), α → ∞ max-min. The solution exists
/// and is unique where 0 is not in the convex hull of the gradients, and then Gd > 0. w = x · rescale · clip; heads get
/// x. shown["solution"] is x.
///
/// Where no solution exists solver.solved is false, and x is that of M + 1e-4·diag(M). Rows of zeros get x = 0 and
/// their heads the gradient of their own loss; the others are solved without them. M not finite: x = 0. For α far from
/// 1 and rows of very different norms a solution may lie beyond double precision, and counts as missing. Source: Ban,
/// Ji, Fair Resource Allocation in Multi-Task Learning, ICML 2024, equation 6.
class FairGrad : public GramWeighting {
 public:
  explicit FairGrad(const FairGradOptions& options);
  HeadGradient heads() const override { return heads_; }
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  double power_;
  bool times_rows_;
  double max_norm_;
  HeadGradient heads_;
  PowerNewton solver_;
};

}  // namespace polytask
