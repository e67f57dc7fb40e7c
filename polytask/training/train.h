#pragma once
#include <polytask/core/node.h>
#include <polytask/training/trainer.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// Where and how a run is recorded.
struct RunRequest {
  std::string directory;                  ///< "" = a new one under tracking.directory
  std::vector<std::string> command_line;  ///< for the run's provenance
};

/// Trains an experiment from its configuration (see config/yaml.h for reading one): opens the data, builds the model,
/// makes a run directory, trains, evaluates. Throws InputError for what is wrong with configuration or data, before the
/// run directory is made where that is possible.
TrainResult train(const Node& configuration, const RunRequest& request = {});

/// Goes on with a run, from its last checkpoint or, where it reached none, from the start. A finished run is evaluated
/// again.
TrainResult resume(const std::filesystem::path& run);

/// What one batch of everything showed.
struct CheckReport {
  std::vector<std::string> tasks;
  int64_t train_rows = 0, validation_rows = 0, test_rows = 0;
  int64_t parameters = 0;
  StepResult step;
  std::vector<std::string> evaluated;  ///< splits of which a batch went through evaluation
};

/// Opens and builds everything, takes one optimiser step, evaluates a batch of each split; leaves nothing behind.
CheckReport check(const Node& configuration);

}  // namespace polytask
