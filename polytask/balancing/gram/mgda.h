#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>
#include <polytask/solvers/min_norm.h>
#include <polytask/solvers/projected_min_norm.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention              | normalize | combine    | sum   | solver             |
/// | paper, samsung, torchjd | none      | raw        | one   | exact              |
/// | sener                   | none      | raw        | one   | exact              |
/// | libmtl                  | none      | normalized | one   | exact              |
/// | nash                    | none      | raw        | tasks | projected_gradient |
/// The peers' own iterations stop short of the optimum, by up to 199 % of its squared norm (TorchJD's Frank-Wolfe);
/// `projected_gradient` reproduces that of sener and nash, which has no limit (here 100000 iterations), and that of
/// libmtl and samsung, of at most 250, as the other conventions have it.
struct MgdaOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::optional<std::string> normalize;  ///< none | l2 | loss | loss+
  std::optional<std::string> combine;    ///< raw | normalized
  std::optional<std::string> sum;        ///< one | tasks
  std::optional<std::string> solver;     ///< exact | projected_gradient
  void fields(Fields& f);
};

/// Multiple-gradient descent: the direction of least norm in the convex hull of the task gradients,
/// x = argmin ‖Σ x_t ĝ_t‖² over the simplex, which descends for every task (Gd ≥ 0) and is 0 where the tasks can not
/// all be improved. ĝ_t = g_t/s_t with `normalize`: none s = 1; l2 ‖g_t‖; loss |L_t|; loss+ |L_t|‖g_t‖ (s = 1 where
/// that is 0 or not finite, so that a zero row stays one). Applied weights: w_t = x_t (`combine: raw`: the direction
/// combines the gradients as they are) or x_t/s_t (`normalized`: it is the point of least norm itself); times the
/// number of rows with `sum: tasks`. Weights::shown has "simplex", x.
/// Duplicate or dependent rows leave x open: it is one with few rows. Zero rows share the weight. Where M is not finite
/// (solver.solved is false) x is uniform. One row: w = 1 for `raw`.
/// Sources: Désidéri, C. R. Acad. Sci. Paris 350, 2012; Sener, Koltun, Multi-Task Learning as Multi-Objective
/// Optimization, NeurIPS 2018.
class Mgda : public GramWeighting {
 public:
  explicit Mgda(const MgdaOptions& options);
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  void set_scales(const GramState& gram);
  SolverStatus solve(const Matrix& gram, std::vector<double>& simplex);

  std::string normalize_;
  bool combines_normalized_, sums_to_tasks_, is_exact_;
  int64_t most_iterations_;
  MinNormSolver exact_;
  ProjectedMinNorm projected_;
  std::vector<double> scales_;
  Matrix normalized_;
};

}  // namespace polytask
