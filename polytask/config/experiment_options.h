#pragma once
#include <polytask/core/node.h>
#include <polytask/core/options.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// The top level of an experiment. Sections stay trees here: each is read by the floor that owns it.
struct ExperimentOptions {
  std::string name = "experiment";
  int64_t seed = 1;
  std::string device = "auto";
  int64_t threads = 0;
  Node data, model, tasks, couplings, balancing, optimizer, schedule, train, tracking, compare;
  void fields(Fields& f);
};

/// Reads a configuration file and applies overrides, in order; a list for `tasks` ("tasks=[digit]") chooses among the
/// file's (see select_tasks.h). `config` may be a run directory's `config.yaml`.
/// Relative paths of the data section are left as they are (relative to the working directory).
Node load_configuration(const std::filesystem::path& config, const std::vector<std::string>& overrides);

}  // namespace polytask
