#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace polytask {

/// A failure that the program reports in words and turns into its exit status. Messages say what is wrong, where, and
/// what would be right; they carry no stack trace.
class Error : public std::runtime_error {
 public:
  Error(int exit_status, const std::string& message) : std::runtime_error(message), exit_status_(exit_status) {}
  int exit_status() const { return exit_status_; }

 private:
  int exit_status_;
};

/// What the user gave is wrong: usage, configuration, a file, a full disk. Exit status 2.
class InputError : public Error {
 public:
  template <class... Args>
  explicit InputError(fmt::format_string<Args...> format, Args&&... args)
      : Error(2, fmt::format(format, std::forward<Args>(args)...)) {}
};

/// The work itself failed (for example a NaN loss with `on_nan: stop`). Exit status 1.
class WorkError : public Error {
 public:
  template <class... Args>
  explicit WorkError(fmt::format_string<Args...> format, Args&&... args)
      : Error(1, fmt::format(format, std::forward<Args>(args)...)) {}
};

/// A signal asked the work to stop, and it stopped after a checkpoint. Exit status 130.
class Interrupted : public Error {
 public:
  explicit Interrupted(const std::string& message) : Error(130, message) {}
};

}  // namespace polytask
