#pragma once
#include <polytask/core/node.h>
#include <polytask/training/experiment.h>

#include <string>
#include <vector>

namespace polytask {

/// What produced a run: versions of polytask, libtorch, compiler and BLAS, git commit of the working directory (where
/// there is one), command line, host, process, seed, UTC start.
Node provenance(const Experiment& experiment, const std::vector<std::string>& command_line);

/// "2026-11-22T09:23:20Z"
std::string utc_time();

/// Versions and machine facts as (name, value), for `polytask info` and provenance alike.
std::vector<std::pair<std::string, std::string>> version_facts();

}  // namespace polytask
