#pragma once
#include <polytask/training/session.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// A trained run with its data, to be asked.
struct OpenedRun {
  Session session;
  std::filesystem::path checkpoint;
};

/// Opens a run's data and the model of checkpoint `which` ("best" or "last"). `overrides` replace values of its
/// configuration. Throws InputError where it is no run, or has no checkpoint.
OpenedRun open_run(const std::filesystem::path& run, const std::string& which,
                   const std::vector<std::string>& overrides);

/// The rows of "train", "validation", "test" or "all". Throws InputError, naming the run, where there are none.
std::vector<int64_t> rows_of_split(const OpenedRun& opened, const std::string& split, const std::filesystem::path& run);

}  // namespace polytask
