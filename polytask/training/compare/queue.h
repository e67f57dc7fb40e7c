#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// One call of the program.
struct Job {
  size_t number = 0;               ///< the caller's
  std::string title;               ///< for progress
  std::vector<std::string> words;  ///< arguments of the program
  std::filesystem::path log;       ///< standard error is appended there
};

/// How a job ended.
struct EndedJob {
  size_t slot = 0;
  int status = 0;  ///< exit status, 128 + signal where a signal ended it
};

/// Runs calls of the program beside each other. Tests put something else in its place.
class Launcher {
 public:
  virtual ~Launcher() = default;
  /// Begins a job in a free slot.
  virtual void start(const Job& job, size_t slot) = 0;
  /// The next job that ended, after `seconds` at most.
  virtual std::optional<EndedJob> wait(double seconds) = 0;
  /// Asks every running job to stop.
  virtual void interrupt() = 0;
};

/// Called when a job ended; may give another job in its place (a second try).
using OnEnded = std::function<std::optional<Job>(const Job& job, int status)>;

/// Runs jobs in order, `parallel` at a time, with progress titled `title`. On SIGINT or SIGTERM it asks the running
/// ones to stop, waits for them and throws Interrupted.
void run_jobs(const std::vector<Job>& jobs, size_t parallel, Launcher& launcher, const OnEnded& on_ended,
              const std::string& title);

}  // namespace polytask
