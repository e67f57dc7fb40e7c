#include <polytask/core/error.h>
#include <polytask/training/compare/processes.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

namespace polytask {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(10);
constexpr int kCannotStart = 127;

std::vector<int> usable_core_numbers() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(static_cast<size_t>(core), &set)) cores.push_back(core);
  return cores;
}

std::vector<std::vector<int>> shares_of_cores(size_t slots) {
  const auto cores = usable_core_numbers();
  std::vector<std::vector<int>> shares(slots);
  if (slots < 2 || cores.empty()) return shares;
  for (size_t s = 0; s < slots; ++s) {
    const size_t begin = s * cores.size() / slots, end = (s + 1) * cores.size() / slots;
    for (size_t c = begin; c < end; ++c) shares[s].push_back(cores[c]);
    if (shares[s].empty()) shares[s].push_back(cores[s % cores.size()]);
  }
  return shares;
}

// Everything between fork and exec: system calls alone.
struct Child {
  char* const* words;
  const char* log;
  const cpu_set_t* cores;
  pid_t parent;

  [[noreturn]] void become() const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kCannotStart);
    setpgid(0, 0);
    if (cores != nullptr) sched_setaffinity(0, sizeof(*cores), cores);
    const int nothing = open("/dev/null", O_RDWR), errors = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (nothing < 0 || errors < 0) _exit(kCannotStart);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    execv(words[0], words);
    _exit(kCannotStart);
  }
};

}  // namespace

ProcessLauncher::ProcessLauncher(std::string program, size_t slots)
    : program_(std::move(program)), processes_(slots, 0), cores_(shares_of_cores(slots)) {
  std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would hide how children ended
}

ProcessLauncher::~ProcessLauncher() {
  for (const pid_t process : processes_) {
    if (process == 0) continue;
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
  }
}

void ProcessLauncher::start(const Job& job, size_t slot) {
  std::vector<std::string> texts = {program_};
  texts.insert(texts.end(), job.words.begin(), job.words.end());
  std::vector<char*> words;
  for (auto& text : texts) words.push_back(text.data());
  words.push_back(nullptr);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (const int core : cores_[slot]) CPU_SET(static_cast<size_t>(core), &cores);
  const std::string log = job.log.string();
  const Child child{words.data(), log.c_str(), cores_[slot].empty() ? nullptr : &cores, getpid()};
  const pid_t process = fork();
  if (process == 0) child.become();
  if (process < 0) throw WorkError("{}: cannot be started: {}", program_, std::strerror(errno));
  processes_[slot] = process;
}

std::optional<EndedJob> ProcessLauncher::wait(double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  do {
    for (size_t slot = 0; slot < processes_.size(); ++slot) {
      int status = 0;
      if (processes_[slot] == 0 || waitpid(processes_[slot], &status, WNOHANG) != processes_[slot]) continue;
      processes_[slot] = 0;
      return EndedJob{slot, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
    }
    std::this_thread::sleep_for(kPoll);
  } while (std::chrono::steady_clock::now() < end);
  return std::nullopt;
}

void ProcessLauncher::interrupt() {
  for (const pid_t process : processes_)
    if (process != 0) kill(process, SIGINT);
}

std::string running_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

}  // namespace polytask
