#pragma once
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/status.h>
#include <polytask/solvers/upper_factor.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// min vᵀRv subject to v ≥ l, for a symmetric positive semidefinite R [T, T] that may be singular and badly scaled.
/// With R = GGᵀ, d = Gᵀv is the projection of Gᵀl onto the cone {d : Gd ≥ 0}; d is unique, v where R is regular.
///
/// Works on R scaled to unit diagonal, so that neither the scale of R nor that of its rows matters. Finds the v_t above
/// their bounds (the passive set P: (Rv)_P = 0) by block principal pivoting (Júdice, Pires 1994, with Kim and Park's
/// rule against cycles, 2011); where the blocks are singular or do not settle, by the active set method of Lawson and
/// Hanson (1974), which never makes dependent rows passive. A row of zeros in R leaves v_t = l_t.
///
/// Status: residual = max_t −(Rv)_t/√R_tt over Σ_t (|l_t| + v_t − l_t) √R_tt, the largest violation of Rv ≥ 0;
/// iterations: passive sets tried; solved: the residual is below 1e-10. Where it is not (a set beyond the caps on
/// iterations), the v returned is the last feasible one. R not finite: v = l, not solved.
///
/// Allocates nothing after the first call of the largest T.
class OrthantQp {
 public:
  SolverStatus solve(const Matrix& r, const std::vector<double>& lower, std::vector<double>& v);
  /// The sum of the solutions for the T bounds l = u_t e_t: UPGrad's weights. Status: the worst residual, all
  /// iterations.
  SolverStatus solve_each(const Matrix& r, const std::vector<double>& u, std::vector<double>& sum);

 private:
  void scale(const Matrix& r);
  /// x ≥ 0 with s = Cx + q ≥ 0 and xᵀs = 0. `magnitude`: the size of the weights that made q.
  SolverStatus complement(double magnitude);
  bool pivot_blocks(double magnitude, int64_t& iterations);
  void exchange(int64_t infeasible, int64_t& fewest, int64_t& chances);
  void pivot_singly(double magnitude, int64_t& iterations);
  int64_t most_violated(double magnitude) const;
  bool make_passive(int64_t t);
  bool step_to_passive_solution(int64_t entered);
  void drop_zeros();
  bool factor_passive();
  void solve_passive(std::vector<double>& into);
  void update_slack();
  double tolerance(double magnitude) const;

  int64_t size_ = 0;
  Matrix c_;                       // R scaled to unit diagonal
  std::vector<double> norm_;       // √R_tt
  std::vector<double> q_, x_, s_;  // s = Cx + q
  std::vector<int64_t> passive_;   // in the factor's order
  std::vector<int64_t> tail_;
  std::vector<char> is_passive_, blocked_, flip_;
  std::vector<double> column_, candidate_;
  UpperFactor factor_;
};

}  // namespace polytask
