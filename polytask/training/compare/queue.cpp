#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/core/progress.h>
#include <polytask/training/compare/queue.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>

namespace polytask {
namespace {

constexpr double kPollSeconds = 0.2;

class Queue {
 public:
  Queue(const std::vector<Job>& jobs, size_t parallel, Launcher& launcher, const OnEnded& on_ended,
        const std::string& title)
      : waiting_(jobs.begin(), jobs.end()),
        slots_(parallel),
        launcher_(launcher),
        on_ended_(on_ended),
        bar_(title, static_cast<int64_t>(jobs.size()), "runs") {}

  void run() {
    while (!waiting_.empty() || running() > 0) {
      if (interrupt_signal() != 0 && !stopping_) stop();
      fill();
      const auto ended = launcher_.wait(kPollSeconds);
      if (ended) take(*ended);
      bar_.update(done_, note());
    }
    bar_.finish();
    if (stopping_) throw Interrupted("interrupted; the same command goes on with what is left");
  }

 private:
  int64_t running() const {
    return std::count_if(slots_.begin(), slots_.end(), [](const auto& job) { return job.has_value(); });
  }

  void fill() {
    for (size_t slot = 0; slot < slots_.size() && !waiting_.empty(); ++slot) {
      if (slots_[slot]) continue;
      slots_[slot] = std::move(waiting_.front());
      waiting_.pop_front();
      launcher_.start(*slots_[slot], slot);
    }
  }

  void take(const EndedJob& ended) {
    const Job job = *std::exchange(slots_[ended.slot], std::nullopt);
    if (stopping_) return;
    auto again = on_ended_(job, ended.status);
    if (again)
      waiting_.push_front(std::move(*again));
    else
      ++done_;
  }

  void stop() {
    stopping_ = true;
    waiting_.clear();
    launcher_.interrupt();
  }

  std::string note() const {
    std::vector<std::string> titles;
    for (const auto& job : slots_)
      if (job) titles.push_back(job->title);
    return fmt::format("{}", fmt::join(titles, ", "));
  }

  std::deque<Job> waiting_;
  std::vector<std::optional<Job>> slots_;
  Launcher& launcher_;
  const OnEnded& on_ended_;
  Progress bar_;
  int64_t done_ = 0;
  bool stopping_ = false;
};

}  // namespace

void run_jobs(const std::vector<Job>& jobs, size_t parallel, Launcher& launcher, const OnEnded& on_ended,
              const std::string& title) {
  Queue(jobs, std::max<size_t>(parallel, 1), launcher, on_ended, title).run();
}

}  // namespace polytask
