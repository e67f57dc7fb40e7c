#pragma once
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/nonnegative_qp.h>
#include <polytask/solvers/status.h>

#include <vector>

namespace polytask {

/// The point of least norm in the convex hull of the rows of G: argmin xᵀMx over the simplex, M = GGᵀ, exact to the
/// rounding of M, any number of rows. It is y/Σy for the y ≥ 0 that minimises ½ yᵀMy − Σy, found by active set; scaling
/// M, or single rows by many orders of magnitude, costs no accuracy. Where the solution is not unique (duplicate or
/// dependent rows) it is one with few rows; where rows are zero it is uniform over these.
/// Status: the residual is max_i (xᵀMx − (Mx)_i) / (‖g_i‖ Σ_j x_j‖g_j‖). Not solved: the matrix is not finite (x is
/// uniform, the residual 1), or the residual is above 1e-9.
/// The problem: Wolfe, Finding the Nearest Point in a Polytope, Mathematical Programming 11, 1976.
class MinNormSolver {
 public:
  /// `x` receives a value for each of M's rows, at least one.
  SolverStatus solve(const Matrix& gram, std::vector<double>& x);

 private:
  NonnegativeQp qp_;
  std::vector<double> right_;
};

/// Helpers of solvers that build on the same quadratic programme.
namespace min_norm {
/// ρ of the problem above for the rows that qp holds: shortest length / length.
void set_right(const NonnegativeQp& qp, std::vector<double>& right);
/// x from qp's solution for that ρ.
void read_simplex(const NonnegativeQp& qp, std::vector<double>& x);
}  // namespace min_norm

}  // namespace polytask
