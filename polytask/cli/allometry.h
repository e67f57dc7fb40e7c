#pragma once
#include <CLI/App.hpp>

namespace polytask {

// The verbs below `polytask allometry`.
void add_allometry_fit(CLI::App& allometry);
void add_allometry_compare(CLI::App& allometry);
void add_allometry_sensitivity(CLI::App& allometry);

}  // namespace polytask
