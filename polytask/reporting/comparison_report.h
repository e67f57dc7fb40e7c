#pragma once
#include <polytask/training/compare/comparison.h>

#include <filesystem>
#include <string>

namespace polytask {

/// The table for the terminal: of each task the metric that counts, Δm with its interval, time and memory; then the
/// verdict.
std::string comparison_text(const Comparison& comparison);

/// The same with parameters, every metric of every task, and the weights that were tried.
std::string comparison_markdown(const Comparison& comparison);

/// One line a row and figure, with a column for each seed. Δm has the metric `delta_m` and no task; costs stand in
/// `step_ms`, `memory_mib` and `parameters`.
std::string comparison_csv(const Comparison& comparison);

/// Everything, verdict included.
Node comparison_node(const Comparison& comparison);

/// Writes compare.md, compare.csv and compare.json, each atomically.
void write_comparison(const std::filesystem::path& directory, const Comparison& comparison);

/// What a plan will train, without training: a line for each row, and the sum.
std::string plan_text(const ComparePlan& plan);

}  // namespace polytask
