#pragma once
#include <polytask/training/compare/comparison.h>
#include <polytask/training/compare/plan.h>
#include <polytask/training/compare/queue.h>

#include <cstddef>
#include <filesystem>

namespace polytask {

/// Trains what the plan holds (each member a run below `directory`/members, `parallel` at a time), chooses the tuned
/// weights by validation figures, then evaluates the rows of the table on test rows, each once. What `directory`
/// already holds of the same plan is taken as it is or resumed; trainings that failed are tried again, from the start
/// where their state cannot be read. Throws InputError where it holds another plan, anything else, or is in use, and
/// where members of a seed were trained on different data; Interrupted on SIGINT.
Comparison compare(const ComparePlan& plan, const std::filesystem::path& directory, size_t parallel,
                   Launcher& launcher);

}  // namespace polytask
