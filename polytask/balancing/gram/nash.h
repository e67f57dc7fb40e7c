#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>
#include <polytask/solvers/power_newton.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention   | max_norm | heads    |
/// | paper        | 0        | weighted |
/// | libmtl, nash | 1        | weighted |
/// | torchjd      | 1        | own      |
/// The peers' update_weights_every is `every`. They clip the direction of every step anew; between two computations of
/// the weights ours keeps the factor found with them: use `max_norm: 0` and the training's `clip` for theirs.
struct NashOptions {
  static constexpr const char* kHeads = "weighted";
  std::string convention = "paper";
  std::optional<double> max_norm;  ///< of the shared direction; 0: no bound
  void fields(Fields& f);
};

/// The Nash bargaining solution: α > 0 with
///   (Mα)_i α_i = 1 for every task,
/// unique where 0 is not in the convex hull of the gradients, and then Gd > 0 with ‖Gᵀα‖ = √R for R rows (so that a
/// max_norm below √R always acts). w = α · min(1, max_norm/‖Gᵀα‖); heads get α. shown["alpha"] is α before the clip.
///
/// Where no solution exists solver.solved is false, and α is that of M + 1e-4·diag(M): conflicts of at most 1e-2 √R of
/// a row's norm remain, weights of at most 100 √R over it. Rows of zeros get α = 0 and their heads the gradient of
/// their own loss; the others are solved without them. M not finite: α = 0. Source: Navon et al., Multi-Task Learning
/// as a Bargaining Game, ICML 2022, claim 3.1.
class Nash : public GramWeighting {
 public:
  explicit Nash(const NashOptions& options);
  HeadGradient heads() const override { return heads_; }
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  double max_norm_;
  HeadGradient heads_;
  PowerNewton solver_;
};

}  // namespace polytask
