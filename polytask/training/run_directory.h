#pragma once
#include <polytask/core/node.h>
#include <polytask/training/experiment.h>

#include <filesystem>
#include <string>
#include <vector>

namespace polytask {

/// A run on disk: config.yaml, run.json, metrics.jsonl, TensorBoard events, checkpoints/, log.txt. While the object
/// lives the directory is locked, so that no second process writes into it; the lock goes with the process, however it
/// ends.
class RunDirectory {
 public:
  /// Makes `<tracking.directory>/<name>/<UTC time>-<short id>/`, or `chosen` where given (it must not exist or be
  /// empty). The directory appears complete, with config.yaml and run.json, or not at all.
  static RunDirectory create(const Experiment& experiment, const std::string& chosen,
                             const std::vector<std::string>& command_line);
  /// Takes up an existing run. InputError where it is none, or is in use by a live process.
  static RunDirectory open(const std::filesystem::path& path);

  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;
  ~RunDirectory();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last_checkpoint() const { return path_ / "checkpoints" / "last.safetensors"; }
  std::filesystem::path best_checkpoint() const { return path_ / "checkpoints" / "best.safetensors"; }
  /// running, finished, interrupted or failed; other facts (fingerprints, figures) are set beside it.
  void set_status(const std::string& status);
  void set_fact(const std::string& key, Node value);

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  void lock();

  std::filesystem::path path_;
  int lock_ = -1;
};

/// The resolved experiment of a run. InputError where `run` is no run directory.
Experiment read_run_configuration(const std::filesystem::path& run);
/// The file of checkpoint `which` ("best" or "last", "best" falls back to "last"). InputError where there is none.
std::filesystem::path find_checkpoint(const std::filesystem::path& run, const std::string& which);

}  // namespace polytask
