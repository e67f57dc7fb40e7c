#pragma once
#include <polytask/training/compare/queue.h>

#include <sys/types.h>

#include <string>
#include <vector>

namespace polytask {

/// Each job is a process of `program`, in a process group of its own, that dies with this one. With several slots each
/// has its share of the cores (disjoint while there are enough), which `threads: 0` of its configuration fills.
class ProcessLauncher : public Launcher {
 public:
  ProcessLauncher(std::string program, size_t slots);
  ~ProcessLauncher() override;
  void start(const Job& job, size_t slot) override;
  std::optional<EndedJob> wait(double seconds) override;
  void interrupt() override;

 private:
  std::string program_;
  std::vector<pid_t> processes_;         // by slot; 0 where free
  std::vector<std::vector<int>> cores_;  // by slot; empty: all
};

/// The file of the running program.
std::string running_program();

}  // namespace polytask
