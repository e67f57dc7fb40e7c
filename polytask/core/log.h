#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <utility>

namespace polytask {

enum class LogLevel { debug, info, warning, error };

/// Logs go to standard error (coloured on a terminal unless NO_COLOR is set) and, once opened, to a run's log file.
/// Results go to standard output and are no business of the log.
void log_message(LogLevel level, const std::string& message);
void set_log_level(LogLevel level);
/// Also appends every message, with UTC time, to `file` until `close_log_file`.
void open_log_file(const std::filesystem::path& file);
void close_log_file();

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace polytask
