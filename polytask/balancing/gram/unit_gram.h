#pragma once
#include <polytask/solvers/matrix.h>

#include <vector>

namespace polytask {

/// M of the rows brought to length 1: M_ij / (‖g_i‖‖g_j‖), diagonal exactly 1, everything 0 for zero rows. `norms` gets
/// the lengths. Differs by rounding only when rows are scaled.
void unit_gram(const Matrix& gram, Matrix& units, std::vector<double>& norms);

}  // namespace polytask
