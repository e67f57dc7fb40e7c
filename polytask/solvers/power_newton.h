#pragma once
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/status.h>
#include <polytask/solvers/upper_factor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// Solves (Mw)_i = w_i^{−p}, w > 0, for a symmetric positive semidefinite M = GGᵀ [T, T] and p > 0: FairGrad with
/// p = 1/α, Nash-MTL with p = 1. The solution is the minimum of the strictly convex potential
///   ½ wᵀMw − Σ w_i^{1−p}/(1−p)     (−Σ log w_i for p = 1);
/// it exists, and is then unique, where 0 is not in the convex hull of G's rows.
///
/// Damped Newton on M scaled to unit diagonal, y_i = √M_ii w_i, (Cy)_i = b_i y_i^{−p} with b_i = M_ii^{(p−1)/2},
/// started from the solution for orthogonal rows. Steps are lengthened or shortened by a line search on the slope,
/// which is monotone, until the step is a small part of every y_i: full steps from there on. Neither the scale of M nor
/// (through logarithms) that of its rows matters.
///
/// Status: residual = max_i |(Mw)_i w_i^p − 1|; solved: it is at most 1e-10, or what the rounding of w leaves (nearly
/// opposite rows: w_i √M_ii = 1e4 leaves 1e-8) as long as that is below 1e-3.
/// Fallback where no solution is found: rows with M_ii = 0 get w_i = 0 and take no part; if the others have none
/// either, M + 1e-4·diag(M) takes M's place. Then p = 1 gives w_i √M_ii ≤ 100 √T, and no row loses more than 1e-2 √T of
/// its own norm: (Mw)_i ≥ −1e-2 √T √M_ii. M not finite: w = 0.
///
/// Allocates nothing after the first call of the largest T.
class PowerNewton {
 public:
  SolverStatus solve(const Matrix& m, double power, std::vector<double>& w);

 private:
  void scale(const Matrix& m, double power);
  void start();
  void minimise(double ridge, SolverStatus& status);
  void evaluate(double ridge);
  bool newton_direction(double ridge);
  double step_length(double ridge);
  double term(int64_t i, double y) const;
  double residual() const;
  double rounding() const;

  int64_t size_ = 0;
  double power_ = 1;
  Matrix c_;                   // M of the rows that are not 0, scaled to unit diagonal
  std::vector<int64_t> rows_;  // their places in M
  std::vector<double> norm_;   // √M_ii
  std::vector<double> log_b_;  // log b_i, less its mean
  double log_unit_ = 0;        // y = exp(log_unit_) × y_
  std::vector<double> y_, best_;
  std::vector<double> cy_, term_;  // Cy, b_i y_i^{−p}
  std::vector<double> step_, c_step_;
  bool is_near_ = false;  // the last step was a small part of every y_i
  UpperFactor factor_;
};

}  // namespace polytask
