#pragma once
#include <polytask/io/atomic_file.h>

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace polytask {

/// How a call of the program ended.
struct ProgramResult {
  int status = -1;
  std::string out, err;
};

/// Runs `polytask ARGUMENTS` through the shell; output goes to files in `scratch`.
inline ProgramResult run_polytask(const std::string& arguments, const std::filesystem::path& scratch) {
  const auto out = scratch / "stdout.txt", err = scratch / "stderr.txt";
  const std::string command =
      std::string(POLYTASK_PROGRAM) + " " + arguments + " >" + out.string() + " 2>" + err.string();
  const int raw = std::system(command.c_str());
  return {WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw), read_file(out), read_file(err)};
}

}  // namespace polytask
