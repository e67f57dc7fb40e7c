#include <polytask/core/progress.h>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

namespace polytask {
namespace {

std::atomic<bool> bar_on_line{false};
std::atomic<bool> enabled{true};

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

// A standard error that takes nothing more is no reason to end the work.
void print(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

double seconds_since(std::chrono::steady_clock::time_point t) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
}

}  // namespace

void set_progress_enabled(bool on) { enabled = on; }

void clear_progress_line() {
  if (bar_on_line.exchange(false)) print("\r\033[K");
}

Progress::Progress(std::string title, int64_t total, std::string unit)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() { finish(); }

void Progress::update(int64_t done, const std::string& note) {
  if (!enabled) return;
  if (first_ < 0) first_ = done - 1;
  done_ = done;
  const double wait = terminal_ ? 0.1 : 10.0;
  if (seconds_since(last_) < wait) return;
  last_ = std::chrono::steady_clock::now();
  draw(note);
}

void Progress::draw(const std::string& note) {
  const double elapsed = seconds_since(start_);
  const double rate = elapsed > 0 ? static_cast<double>(done_ - first_) / elapsed : 0;
  std::string line = fmt::format("{} ", title_);
  if (total_ > 0) {
    constexpr int64_t kWidth = 24;
    const int64_t filled = std::clamp<int64_t>(kWidth * done_ / total_, 0, kWidth);
    if (terminal_) line += fmt::format("[{:=>{}}{:>{}}] ", "", filled, "", kWidth - filled);
    const double remaining = rate > 0 ? static_cast<double>(std::max<int64_t>(total_ - done_, 0)) / rate : 0;
    line += fmt::format("{}/{} {} · {:.3g}/s · {} left", done_, total_, unit_, rate, duration_text(remaining));
  } else {
    line += fmt::format("{} {} · {:.3g}/s", done_, unit_, rate);
  }
  if (!note.empty()) line += " · " + note;
  if (terminal_) {
    print("\r\033[K" + line);
    bar_on_line = true;
  } else {
    print(line + "\n");
  }
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  clear_progress_line();
}

}  // namespace polytask
