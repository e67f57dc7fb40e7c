#pragma once
#include <polytask/solvers/matrix.h>

#include <vector>

namespace polytask {

/// ‖Gᵀw‖ = √(wᵀMw).
double direction_norm(const Matrix& gram, const std::vector<double>& w);
/// What brings ‖Gᵀw‖ down to `max_norm`: at most 1; 1 where max_norm is 0 (no bound).
double clip_factor(const Matrix& gram, const std::vector<double>& w, double max_norm);
/// Heads weighted by w. A row with w = 0 has no shared gradient to weigh; its head, which may well have one, keeps its
/// own: 1.
std::vector<double> head_weights(const std::vector<double>& w);

}  // namespace polytask
