#pragma once
#include <polytask/objectives/delta_m.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace polytask {

/// What a training of a comparison came to, read from its run directory.
struct MemberResult {
  enum class State { finished, refused, failed };
  State state = State::failed;
  std::string reason;            ///< why it is not finished
  TaskFigures validation, test;  ///< of the best checkpoint; empty where there are no such rows, or none measured
  bool has_test_rows = false;
  double step_ms = 0;     ///< median of the steps that did not measure gradient norms (of all, where each did)
  double memory_mib = 0;  ///< highest resident memory of the process
  int64_t parameters = 0;
  std::map<std::string, std::string> data;  ///< file → digest, as the run found its data
};

/// True where the run in `directory` is finished; false where its facts cannot be read.
bool is_finished(const std::filesystem::path& directory);
/// True where `directory` holds a run, finished or begun.
bool is_run(const std::filesystem::path& directory);
/// True where the run has a last checkpoint, which can be read, as can its facts and its configuration: then a refusal
/// to go on has other reasons (a full disk, data that are not there) and the run is worth keeping.
bool has_readable_state(const std::filesystem::path& directory);
/// True where the run took a step.
bool took_steps(const std::filesystem::path& directory);

/// Of a finished run. `test_figures`: what `evaluate --json` wrote of the test rows, or a file that does not exist.
/// InputError where files of the run are damaged.
MemberResult read_member(const std::filesystem::path& directory, const std::filesystem::path& test_figures);

/// The last message of the program in its log ("polytask: …", without that), "" where there is none.
std::string last_message(const std::filesystem::path& log);

}  // namespace polytask
