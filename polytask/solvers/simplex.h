#pragma once
#include <cstdint>
#include <vector>

namespace polytask {

/// Replaces `values` by the Euclidean projection to the simplex {x ≥ 0, Σ x = 1}: max(v − τ, 0) with the τ that makes
/// the sum 1. Exact to rounding for any finite values, however large; allocates nothing. n ≥ 1.
/// Source: Michelot, A Finite Algorithm for Finding the Projection of a Point onto the Canonical Simplex, 1986.
void project_to_simplex(double* values, int64_t n);
void project_to_simplex(std::vector<double>& values);

}  // namespace polytask
