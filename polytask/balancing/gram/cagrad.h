#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>
#include <polytask/solvers/conflict_averse.h>

#include <cstdint>
#include <optional>
#include <string>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention | c   | rescale | reduction | epsilon | norm_epsilon | without_descent |
/// | paper      | 0.5 | 0       | mean      | 0       | 0            | project         |
/// | libmtl     | 0.5 | 1       | mean      | 1e-8    | 1e-8         | project         |
/// | official   | 0.5 | 1       | sum       | 1e-8    | 1e-8         | project         |
/// | nash       | 0.4 | 1       | sum       | 1e-8    | 1e-8         | project         |
/// | torchjd    | 0.5 | 0       | mean      | 0       | 0            | zero            |
/// TorchJD's own code gives 0 already where ‖g_x‖ < 1e-4 ‖G‖_F, as soon as one task's gradient is that small; here it
/// is 0 only where no direction descends for all tasks.
struct CagradOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::optional<double> c, epsilon, norm_epsilon;
  std::optional<int64_t> rescale;              ///< 0 | 1 | 2
  std::optional<std::string> reduction;        ///< mean | sum
  std::optional<std::string> without_descent;  ///< project | zero
  void fields(Fields& f);
};

/// Conflict-averse gradient descent: of the directions within r = c√(‖ḡ‖² + epsilon) + norm_epsilon of the mean
/// gradient ḡ, the one that improves the worst-off task most. With T rows (the tasks present),
///   x = argmin over the simplex of ḡᵀg_x + r√(‖g_x‖² + epsilon),  g_x = Gᵀx,
///   d = ḡ + r g_x/(‖g_x‖ + norm_epsilon),  divided by 1 (`rescale: 0`), 1 + c² (1) or 1 + c (2),
/// times T with `reduction: sum`. Weights::shown has "simplex", x. c = 0 is the mean; for c ≥ 1 no task is made worse
/// (Gd ≥ 0), for c < 1 that may happen.
/// Where no direction improves all tasks (0 in the hull of the rows: a zero row, opposite rows) and r reaches
/// {d : Gd ≥ 0}, g_x = 0 and the formula says nothing; with epsilon = 0, `without_descent: project` takes its limit,
/// the projection of ḡ on {d : Gd ≥ 0}, and `zero` makes no step. With epsilon > 0, g_x is small and the formula is
/// applied as it stands. Rows of zeros only: d = 0. Where the solve fails (M not finite) d is ḡ, rescaled and reduced
/// as above; solver.solved is then false. Source: Liu et al., Conflict-Averse Gradient Descent for Multi-task Learning,
/// NeurIPS 2021, algorithm 1.
class Cagrad : public GramWeighting {
 public:
  explicit Cagrad(const CagradOptions& options);
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  double radius(const Matrix& gram) const;
  double share(double multiplier) const;

  double c_, epsilon_, norm_epsilon_;
  int64_t rescale_;
  bool is_sum_, is_zero_without_descent_;
  ConflictAverseSolver solver_;
  ConflictAverse solution_;
  double radius_ = 0;
};

}  // namespace polytask
