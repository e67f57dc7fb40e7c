#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// A built-in synthetic data set that can be written as files.
struct MakeableData {
  std::string name;
  std::string summary;  ///< one sentence
  std::string files;    ///< what is written, and how to train on it
  int64_t default_count = 0;
};
const std::vector<MakeableData>& makeable_data();

struct MakeOptions {
  std::filesystem::path directory;
  int64_t count = 0;  ///< samples (scenes) in all; 0: the data set's default
  uint64_t seed = 1;
  std::optional<double> validation;  ///< share of the samples in the validation file, in [0, 1); none: 0.2
  int64_t size = 0;                  ///< height and width of pictures or scenes; 0: the data set's default
  bool overwrite = false;            ///< write into a directory that holds other things too
};

/// Throws Interrupted, saying what is incomplete, where the process was asked to stop.
void check_interrupt(const MakeOptions& options);

/// Writes the data set `name` (files as makeable_data() says) with a progress bar. A directory that an earlier call
/// made of the same data set is made anew. Throws InputError for an unknown name, a directory that is not empty and not
/// of our making (unless `overwrite`), a `size` for data without pictures, a `validation` that is no share, or for
/// scenes (which data.split divides); Interrupted between two samples.
void make_data(const std::string& name, const MakeOptions& options);

}  // namespace polytask
