#pragma once
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/status.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// The iteration by which Sener and Koltun's code, and the many codes that took it over, approach the min-norm point of
/// the rows of G: a projected gradient step, then the best point of the segment, from the best pair of rows. It is here
/// to reproduce their results: it never reaches a vertex (weights 0.999 and 0.001 at the ends of a segment), its
/// thresholds are absolute, and it may stop far from the optimum. Use MinNormSolver for the solution.
/// Status: solved is false where most_iterations did not end it; the residual is its last step, ‖w′ − w‖₁.
/// Source: MultiObjectiveOptimization, min_norm_solvers.py, find_min_norm_element.
class ProjectedMinNorm {
 public:
  /// `weights` receives a value for each of M's rows, at least one. LibMTL ends after 250 iterations; the original
  /// never counts them.
  SolverStatus solve(const Matrix& gram, std::vector<double>& weights, int64_t most_iterations = 250);

 private:
  void start(const Matrix& gram, std::vector<double>& weights) const;
  void propose(const std::vector<double>& weights);

  std::vector<double> product_, proposal_, proposal_product_;
};

}  // namespace polytask
