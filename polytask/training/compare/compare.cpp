#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/log.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/training/compare/compare.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

namespace polytask {
namespace fs = std::filesystem;
namespace {

constexpr int kInputStatus = 2;
constexpr int kLockTries = 20;

// Where everything of a comparison lies.
struct Folder {
  fs::path root;
  fs::path plan() const { return root / "plan.json"; }
  fs::path configuration(const std::string& id) const { return root / "configs" / (id + ".yaml"); }
  fs::path run(const std::string& id) const { return root / "members" / id; }
  fs::path log(const std::string& id) const { return root / "logs" / (id + ".txt"); }
  fs::path test(const std::string& id) const { return root / "test" / (id + ".json"); }
};

// No second process works in the folder while this lives.
class FolderLock {
 public:
  explicit FolderLock(const Folder& folder) {
    const auto file = folder.root / ".lock";
    file_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) throw InputError("{}: cannot be written: {}", file.string(), std::strerror(errno));
    if (flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    close(file_);
    throw InputError("{}: another comparison is at work there; wait until it ends, or stop it", folder.root.string());
  }
  ~FolderLock() { close(file_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

void require_free(const Folder& folder) {
  std::error_code error;
  if (fs::exists(folder.root, error) && !fs::is_directory(folder.root, error))
    throw InputError("{}: is no directory; choose another one with -o", folder.root.string());
  if (!fs::exists(folder.root, error) || fs::exists(folder.plan(), error)) return;
  for (const auto& file : fs::directory_iterator(folder.root, error)) {
    const std::string name = file.path().filename().string();
    if (name[0] != '.' && name != "configs")
      throw InputError("{}: is not empty and holds no comparison; choose another directory with -o",
                       folder.root.string());
  }
}

void keep_plan(const ComparePlan& plan, const Folder& folder) {
  const std::string text = write_json(plan_node(plan), 1) + "\n";
  std::error_code error;
  if (fs::exists(folder.plan(), error)) {
    const auto difference = plan_difference(read_json_file(folder.plan()), parse_json(text, folder.plan().string()));
    if (!difference.empty())
      throw InputError("{}: holds another comparison ({}); choose another directory with -o, or remove this one",
                       folder.root.string(), difference);
    return;
  }
  for (const auto& member : plan.members)
    write_file_atomically(folder.configuration(member.id), write_yaml(member.configuration));
  write_file_atomically(folder.plan(), text);
}

// Why a job came to nothing, by its last message or its exit status.
std::string reason_of(int status, const std::string& message) {
  if (!message.empty()) return message;
  if (status <= 128) return fmt::format("ended with status {}", status);
  return fmt::format("ended by signal {}{}", status - 128, status == 137 ? " (out of memory?)" : "");
}

// Trains the members that are not finished and keeps what became of them.
class Training {
 public:
  Training(const ComparePlan& plan, const Folder& folder, std::vector<MemberResult>& results)
      : plan_(plan), folder_(folder), results_(results) {}

  void run(size_t parallel, Launcher& launcher) {
    std::vector<Job> jobs;
    for (size_t m = 0; m < plan_.members.size(); ++m) {
      if (is_finished(run_of(m)))
        take(m);
      else
        jobs.push_back(job_of(m));
    }
    if (jobs.size() < plan_.members.size())
      log_info("{} of {} trainings are finished already", plan_.members.size() - jobs.size(), plan_.members.size());
    run_jobs(
        jobs, parallel, launcher, [this](const Job& job, int status) { return ended(job, status); }, "training");
  }

 private:
  fs::path run_of(size_t member) const { return folder_.run(plan_.members[member].id); }

  Job job_of(size_t member) const {
    const std::string& id = plan_.members[member].id;
    Job job{member, id, {"train"}, folder_.log(id)};
    const std::string run = run_of(member).string();
    std::error_code error;
    if (is_run(run)) {
      job.words.insert(job.words.end(), {"--resume", run});
    } else {
      fs::remove_all(run, error);  // what was left of a run that was being removed
      job.words.insert(job.words.end(), {folder_.configuration(id).string(), "--run-dir", run});
    }
    fs::remove(job.log, error);
    fs::remove(folder_.test(id), error);  // of an earlier training
    return job;
  }

  std::optional<Job> ended(const Job& job, int status) {
    const size_t m = job.number;
    if (is_finished(run_of(m))) {
      take(m);
      return std::nullopt;
    }
    const std::string message = last_message(job.log);
    const bool resumed = job.words.at(1) == "--resume";
    if (resumed && status == kInputStatus) {
      const bool in_use = message.find("in use by a live process") != std::string::npos;
      if (in_use && tries_[m]++ < kLockTries) return job_of(m);  // what a killed comparison left is still ending
      if (!in_use && !has_readable_state(run_of(m))) return again_from_the_start(m);
    }
    give_up(m, status, message);
    return std::nullopt;
  }

  // A state that cannot be read is as good as none.
  std::optional<Job> again_from_the_start(size_t member) {
    const fs::path run = run_of(member);
    std::error_code error;
    fs::remove_all(run, error);
    if (!is_run(run)) return job_of(member);
    give_up(member, kInputStatus, fmt::format("{}: cannot be removed: {}", run.string(), error.message()));
    return std::nullopt;
  }

  void give_up(size_t member, int status, const std::string& message) {
    MemberResult& result = results_[member];
    const bool refused = status == kInputStatus && !took_steps(run_of(member));
    result.state = refused ? MemberResult::State::refused : MemberResult::State::failed;
    result.reason = reason_of(status, message);
    log_warning("{}: {}: {}", plan_.members[member].id, refused ? "refused" : "failed", result.reason);
  }

  void take(size_t member) {
    const auto& planned = plan_.members[member];
    results_[member] = read_member(run_of(member), folder_.test(planned.id));
    require_same_data(member);
    if (!planned.task.empty() && !results_[member].validation.empty())
      counting_metrics(plan_, results_[member].validation);  // a metric that does not exist is found early
  }

  // Members of a seed read the same data (data that are made may follow the seed).
  void require_same_data(size_t member) {
    const auto& planned = plan_.members[member];
    auto& known = data_[planned.seed];
    for (const auto& [file, digest] : results_[member].data)
      if (known.emplace(file, digest).first->second != digest)
        throw InputError("{}: {} has changed since other members were trained; choose another directory with -o",
                         planned.id, file);
  }

  const ComparePlan& plan_;
  const Folder& folder_;
  std::vector<MemberResult>& results_;
  std::map<size_t, int> tries_;
  std::map<int64_t, std::map<std::string, std::string>> data_;  // by seed: file → digest
};

// The members behind the rows of the table.
std::vector<size_t> shown_members(const ComparePlan& plan, const std::vector<TriedWeights>& tried) {
  std::vector<size_t> members;
  for (size_t r = 0; r < plan.rows.size(); ++r) {
    bool shown = plan.rows[r].kind != RowKind::grid;
    for (size_t c = 0; c < tried.size(); ++c) shown = shown || (tried[c].chosen && plan.candidates[c] == r);
    if (shown) members.insert(members.end(), plan.rows[r].members.begin(), plan.rows[r].members.end());
  }
  return members;
}

void evaluate_on_test(const ComparePlan& plan, const Folder& folder, const std::vector<size_t>& members,
                      size_t parallel, Launcher& launcher, std::vector<MemberResult>& results) {
  std::vector<Job> jobs;
  for (const size_t m : members) {
    const bool measurable = results[m].state == MemberResult::State::finished && results[m].has_test_rows;
    if (!measurable || !results[m].test.empty()) continue;
    const std::string& id = plan.members[m].id;
    jobs.push_back({m,
                    id,
                    {"-q", "evaluate", folder.run(id).string(), "--split", "test", "--json", folder.test(id).string()},
                    folder.log(id)});
  }
  const OnEnded on_ended = [&](const Job& job, int status) -> std::optional<Job> {
    const std::string& id = plan.members[job.number].id;
    if (status == 0) {
      results[job.number] = read_member(folder.run(id), folder.test(id));
    } else {
      results[job.number].state = MemberResult::State::failed;
      results[job.number].reason = "evaluation on test rows: " + reason_of(status, last_message(job.log));
    }
    return std::nullopt;
  };
  run_jobs(jobs, parallel, launcher, on_ended, "test rows");
}

}  // namespace

Comparison compare(const ComparePlan& plan, const fs::path& directory, size_t parallel, Launcher& launcher) {
  const Folder folder{directory};
  require_free(folder);
  make_directory(folder.root);
  const FolderLock lock(folder);
  make_directory(folder.root / "configs");
  keep_plan(plan, folder);
  for (const char* name : {"members", "logs", "test"}) make_directory(folder.root / name);
  std::vector<MemberResult> results(plan.members.size());
  Training(plan, folder, results).run(parallel, launcher);
  const auto tried = try_weights(plan, results);
  evaluate_on_test(plan, folder, shown_members(plan, tried), parallel, launcher, results);
  return summarise(plan, results, tried);
}

}  // namespace polytask
