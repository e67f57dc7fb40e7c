#pragma once
#include <polytask/solvers/matrix.h>

#include <vector>

namespace polytask {

/// How the gradients of R tasks agree and disagree. Rows g_i, norms ‖g_i‖, angles by their cosine c_ij.
struct GradientConflict {
  std::vector<double> norms;  ///< [R] ‖g_i‖
  double total_norm = 0;      ///< ‖Σ g_i‖
  Matrix cosine;              ///< [R, R] ⟨g_i, g_j⟩ / (‖g_i‖ ‖g_j‖); 0 where either is 0
  /// [R, R] 2 ‖g_i‖ ‖g_j‖ / (‖g_i‖² + ‖g_j‖²): 1 for equal lengths, near 0 where one dominates (Yu et al. 2020,
  /// definition 2); 1 where both are 0.
  Matrix magnitude_similarity;
  /// [R, R] (1 − c²) ‖g_i − g_j‖² / ‖g_i + g_j‖²: how much curvature it takes for projecting conflicts away to help
  /// (Yu et al. 2020, definition 3). 4, its limit for equal lengths, where g_i = −g_j; 0 where both are 0.
  Matrix curvature_bound;
  std::vector<double> singular_values;  ///< [R] of G, falling; those that are 0 but for rounding are 0
  /// Largest over smallest singular value that is not 0 (Senushkin et al. 2023); 1 where all are 0.
  double condition_number = 1;
};

/// All of it from M = G Gᵀ [R, R]. The singular values are those of a pivoted Cholesky factor by one-sided Jacobi
/// rotations, so that rows of very different lengths keep their digits. Throws WorkError where M is not square or has
/// entries that are not finite.
GradientConflict gradient_conflict(const Matrix& gram);

}  // namespace polytask
