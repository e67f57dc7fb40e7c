#pragma once
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/nonnegative_qp.h>
#include <polytask/solvers/status.h>

#include <utility>
#include <vector>

namespace polytask {

/// The solution of ConflictAverseSolver. With g_x = Gᵀx the vector of CAGrad's problem, y = λx.
struct ConflictAverse {
  std::vector<double> x;       ///< on the simplex
  std::vector<double> y;       ///< ≥ 0; the direction is ḡ + Gᵀy where ε = 0
  double lambda = 0;           ///< radius / √(xᵀMx + ε); infinite where that is 0
  double length = 0;           ///< ‖Gᵀy‖; the radius, or less where `is_projection`
  bool is_projection = false;  ///< g_x = 0 (up to ε) at the optimum, see the solver
};

/// CAGrad's problem for the Gram matrix M = GGᵀ of T rows with mean ḡ,
///   min over the simplex of xᵀb + radius·√(xᵀMx + ε),  b = M1/T,
/// exactly. It is the dual of max_d min_i g_iᵀd subject to ‖d − ḡ‖ ≤ radius (ε = 0), and is solved as such: the point
/// nearest to ḡ with g_iᵀd ≥ ν for all i is ḡ + Gᵀy with y from a non-negative quadratic programme, its distance rises
/// with ν, and where the support of y stays the same the ν that gives the radius has a closed form. A few of these
/// steps, kept in a bracket, find it; where y jumps at a ν, a mixture of both sides.
///
/// Where 0 is in the hull of the rows (a zero row, opposite rows, …) no d has all g_iᵀd > 0. If the radius reaches
/// {d : Gd ≥ 0}, then g_x = 0 at the optimum, and ε = 0 leaves the direction open: every d of the ball with Gd ≥ 0 is
/// as good. The solution is then the nearest of them to ḡ, the projection of ḡ on {d : Gd ≥ 0}, which is also the limit
/// ε → 0; `length` is its distance from ḡ. It is always reached where radius ≥ ‖ḡ‖, since d = 0 is one of them.
/// A radius of 0 and rows of zeros only give y = 0.
///
/// Status: iterations are steps in ν; the residual is the greater of the programme's and |distance − radius| / radius.
/// Not solved: M is not finite, or the residual is above 1e-7; where anything is not finite, y = 0 and x is uniform.
/// Source: Liu et al., Conflict-Averse Gradient Descent for Multi-task Learning, NeurIPS 2021, section 3.1.
class ConflictAverseSolver {
 public:
  SolverStatus solve(const Matrix& gram, double radius, double epsilon, ConflictAverse& solution);

 private:
  // What the support of y says of other ν: with λ = 1ᵀy, the squared distance is gamma + λ² curvature, and
  // ν = mean + λ / mass.
  struct Piece {
    double mass = 0, mean = 0, gamma = 0, curvature = 0;
  };
  struct Bound {
    double level = 0;
    bool is_solved = false;
    std::vector<double> values;  // u
  };
  void set(double radius, double epsilon);
  SolverStatus solve_level(double level);
  Piece piece();
  double lambda_of(const Piece& piece) const;
  double distance_squared(const Piece& piece, double level) const;
  double highest_level() const;
  double lowest_level() const;
  bool has_origin_in_hull();
  double root_of(const Piece& piece) const;
  void set_bracket(bool is_above_zero);
  double bracketed(double level) const;
  SolverStatus find_level();
  std::pair<double, double> products(const std::vector<double>& u, const std::vector<double>& v) const;
  double mix_bounds();
  void read_projection(ConflictAverse& solution) const;
  void read(ConflictAverse& solution) const;

  NonnegativeQp qp_;
  double radius_ = 0, epsilon_ = 0;  // in units of the longest row
  double length_ = 0, smallest_level_ = 0;
  Bound low_, high_;
  std::vector<double> means_;  // b_i / ‖g_i‖
  std::vector<double> right_, inverse_, offset_, first_, second_, at_zero_, found_;
};

}  // namespace polytask
