#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace polytask {

/// Progress of something long, on standard error: a bar with rate and remaining time on a terminal, a plain line every
/// ten seconds otherwise.
class Progress {
 public:
  /// `total` = 0: unknown. `unit` is what is counted, in the plural ("steps").
  Progress(std::string title, int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` so far; `note` follows the figures ("loss 0.31").
  void update(int64_t done, const std::string& note = "");
  void finish();

 private:
  void draw(const std::string& note);

  std::string title_, unit_;
  int64_t total_, done_ = 0, first_ = -1;
  bool terminal_, finished_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

/// Erases a bar that stands on the current terminal line, so that a log message does not run into it.
void clear_progress_line();

/// Turns all progress output off (for tests and `--quiet`).
void set_progress_enabled(bool enabled);

}  // namespace polytask
