#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/training/provenance.h>
#include <polytask/training/run_directory.h>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

namespace polytask {
namespace fs = std::filesystem;
namespace {

fs::path new_run_path(const Experiment& experiment) {
  const auto now = std::chrono::system_clock::now();
  const auto ticks = static_cast<uint64_t>(now.time_since_epoch().count());
  const auto id = stream_seed(ticks ^ static_cast<uint64_t>(getpid()), "run") & 0xffffff;
  const auto time = fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
  return fs::path(experiment.tracking.directory) / experiment.name / fmt::format("{}-{:06x}", time, id);
}

void require_free(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return;
  if (fs::exists(path / "run.json", error))
    throw InputError(
        "{}: already holds a run; go on with it by `polytask train --resume {}`, or choose another directory",
        path.string(), path.string());
  if (!fs::is_directory(path, error) || !fs::is_empty(path, error))
    throw InputError("{}: is not an empty directory; choose another one for the run", path.string());
}

// The parent must exist for the rename; the last component is made by it.
fs::path absolute_clean(const fs::path& path) {
  auto clean = fs::absolute(path).lexically_normal();
  return clean.has_filename() ? clean : clean.parent_path();
}

}  // namespace

RunDirectory RunDirectory::create(const Experiment& experiment, const std::string& chosen,
                                  const std::vector<std::string>& command_line) {
  const fs::path shown = chosen.empty() ? new_run_path(experiment) : fs::path(chosen);
  require_free(shown);
  const fs::path target = absolute_clean(shown);
  make_directory(target.parent_path());
  const fs::path draft = target.parent_path() / fmt::format(".{}.{}.new", target.filename().string(), getpid());
  std::error_code error;
  fs::remove_all(draft, error);
  try {
    make_directory(draft / "checkpoints");
    write_file_atomically(draft / "config.yaml", write_yaml(experiment.resolved));
    write_file_atomically(draft / "run.json", write_json(provenance(experiment, command_line), 2) + "\n");
    RunDirectory run(draft);
    run.lock();
    fs::rename(draft, target, error);
    if (error) throw InputError("{}: cannot be made: {}", shown.string(), error.message());
    run.path_ = shown;
    return run;
  } catch (...) {
    fs::remove_all(draft, error);
    throw;
  }
}

RunDirectory RunDirectory::open(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path / "run.json", error) || !fs::exists(path / "config.yaml", error))
    throw InputError("{}: is no run directory (it has no {})", path.string(),
                     fs::exists(path / "run.json", error) ? "config.yaml" : "run.json");
  RunDirectory run(path);
  run.lock();
  return run;
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept : path_(std::move(other.path_)), lock_(other.lock_) {
  other.lock_ = -1;
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) close(lock_);
}

void RunDirectory::lock() {
  const auto file = path_ / ".lock";
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) throw InputError("{}: cannot be written: {}", file.string(), std::strerror(errno));
  if (flock(lock_, LOCK_EX | LOCK_NB) == 0) return;
  close(lock_);
  lock_ = -1;
  throw InputError("{}: is in use by a live process; wait until it ends, or stop it", path_.string());
}

void RunDirectory::set_status(const std::string& status) {
  set_fact("status", Node::scalar_of(status, true));
  set_fact("updated", Node::scalar_of(utc_time(), true));
}

void RunDirectory::set_fact(const std::string& key, Node value) {
  Node facts = read_json_file(path_ / "run.json");
  facts.set(key, std::move(value));
  write_file_atomically(path_ / "run.json", write_json(facts, 2) + "\n");
}

Experiment read_run_configuration(const fs::path& run) {
  std::error_code error;
  if (!fs::exists(run / "config.yaml", error))
    throw InputError("{}: is no run directory (it has no config.yaml)", run.string());
  return resolve_experiment(load_configuration(run / "config.yaml", {}));
}

fs::path find_checkpoint(const fs::path& run, const std::string& which) {
  std::error_code error;
  for (const auto& name : {which, std::string("last")}) {
    const auto file = run / "checkpoints" / (name + ".safetensors");
    if (fs::exists(file, error)) return file;
  }
  throw InputError("{}: has no checkpoint yet; go on with the run by `polytask train --resume {}`", run.string(),
                   run.string());
}

}  // namespace polytask
