#pragma once
#include <polytask/config/experiment_options.h>
#include <polytask/training/compare/options.h>
#include <polytask/training/optimizer.h>
#include <polytask/training/schedule.h>
#include <polytask/training/train_options.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// A configuration with every default written out and every key checked; nothing is opened or built yet.
struct Experiment {
  std::string name;
  uint64_t seed = 1;
  std::string device;
  int64_t threads = 0;
  Node data, model, balancing;
  std::vector<std::pair<std::string, Node>> tasks;      ///< in the order of the file
  std::vector<std::pair<std::string, Node>> couplings;  ///< likewise
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  TrainOptions train;
  TrackingOptions tracking;
  CompareOptions compare;
  Node resolved;  ///< all of it as one tree: what `--print-config` prints and a run's config.yaml holds
};

/// Throws InputError with file:line, key path and suggestion for anything that is not right.
Experiment resolve_experiment(const Node& configuration);

}  // namespace polytask
