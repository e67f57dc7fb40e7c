#pragma once
#include <polytask/training/compare/comparison.h>

#include <string>
#include <vector>

namespace polytask {

/// What a comparison says and what it does not, one paragraph each: whether multi-task models are better than
/// single-task ones, whether anything is better than tuned constant weights (both at 5 %, after Holm's correction over
/// the rows, and only for rows that have Δm with every seed), what was tuned on what, what is not judged and what
/// failed.
std::vector<std::string> comparison_verdict(const Comparison& comparison);

/// "hard, pcgrad"
std::string row_name(const ComparedRow& row);

}  // namespace polytask
