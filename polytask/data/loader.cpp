#include <polytask/core/error.h>
#include <polytask/data/loader.h>

#include <fmt/format.h>

#include <ATen/Parallel.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace polytask {

void LoaderOptions::fields(Fields& f) {
  f.field("batch_size", batch_size, "samples a step", at_least(1));
  f.field("workers", workers, "threads that make batches ahead; 0: made when they are asked for", between(0, 256));
  f.field("prefetch", prefetch, "batches made ahead, in all", at_least(1));
  f.field("drop_last", drop_last, "leave out a last training batch that is smaller");
  f.field("on_bad_sample", on_bad_sample,
          "where a sample cannot be read: error stops, skip leaves it out of its batch and lists it",
          one_of({"error", "skip"}));
}

// One delivery (`start`) is a generation; a worker that finishes a batch of an earlier one throws it away. What stands
// below `mutex` is guarded by it; the consumer alone writes `total` and `next_given`, and so reads them without.
struct Loader::State {
  // What became of one batch.
  struct Made {
    Batch batch;
    std::vector<std::string> skipped;
    std::exception_ptr error;
  };

  const Dataset& dataset;
  const LoaderOptions options;
  const uint64_t seed;
  const std::vector<std::unique_ptr<Transform>>& augment;

  std::mutex mutex;
  std::condition_variable to_workers, to_consumer;
  std::vector<int64_t> order;
  int64_t epoch = 0, generation = 0;
  int64_t total = 0, next_made = 0, next_given = 0;  // batches
  std::map<int64_t, Made> ready;
  int64_t workers_ready = 0;
  bool stop = false;
  std::vector<std::thread> workers;
  std::vector<std::string> skipped;  // the consumer's

  State(const Dataset& data, LoaderOptions loader_options, uint64_t experiment_seed,
        const std::vector<std::unique_ptr<Transform>>& transforms)
      : dataset(data), options(std::move(loader_options)), seed(experiment_seed), augment(transforms) {}
  ~State();

  void start_workers();
  void work();
  std::vector<int64_t> rows_of(int64_t k) const;
  Made make(const std::vector<int64_t>& rows, int64_t of_epoch, int64_t k) const;
  Batch make_batch(const std::vector<int64_t>& rows, int64_t of_epoch, int64_t k) const;
  std::vector<int64_t> readable(const std::vector<int64_t>& rows, std::vector<std::string>& left_out) const;
  Made take();
};

Loader::State::~State() {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    stop = true;
  }
  to_workers.notify_all();
  for (auto& worker : workers) worker.join();
}

// Workers run their tensor operations on one thread each: their parallelism is among batches, and the cores belong to
// the trainer. libtorch keeps the number both per thread and, for threads to come, once for all; so the workers set
// theirs while this thread waits, which then puts the common one back. A thread takes over the common number when it
// first asks, so a worker asks before it sets its own.
void Loader::State::start_workers() {
  if (options.workers == 0) return;
  const int own_threads = at::get_num_threads();
  for (int64_t i = 0; i < options.workers; ++i) workers.emplace_back([this] { work(); });
  std::unique_lock<std::mutex> lock(mutex);
  to_consumer.wait(lock, [this] { return workers_ready == options.workers; });
  at::set_num_threads(own_threads);
}

void Loader::State::work() {
  at::get_num_threads();
  at::set_num_threads(1);
  std::unique_lock<std::mutex> lock(mutex);
  ++workers_ready;
  to_consumer.notify_all();
  while (true) {
    to_workers.wait(lock, [this] { return stop || (next_made < total && next_made < next_given + options.prefetch); });
    if (stop) return;
    const int64_t k = next_made++, of_epoch = epoch, of_generation = generation;
    const std::vector<int64_t> rows = rows_of(k);
    lock.unlock();
    Made made = make(rows, of_epoch, k);
    lock.lock();
    if (of_generation != generation) continue;
    ready.emplace(k, std::move(made));
    to_consumer.notify_all();
  }
}

std::vector<int64_t> Loader::State::rows_of(int64_t k) const {
  const auto begin = order.begin() + k * options.batch_size;
  return {begin, begin + std::min<int64_t>(options.batch_size, order.end() - begin)};
}

Loader::State::Made Loader::State::make(const std::vector<int64_t>& rows, int64_t of_epoch, int64_t k) const {
  Made made;
  try {
    if (options.on_bad_sample == "error") {
      made.batch = make_batch(rows, of_epoch, k);
      return made;
    }
    try {
      made.batch = make_batch(rows, of_epoch, k);
    } catch (const InputError&) {
      const auto good = readable(rows, made.skipped);
      if (made.skipped.empty()) throw;  // the fault is no single sample's
      if (!good.empty()) made.batch = make_batch(good, of_epoch, k);
    }
  } catch (...) {
    made.error = std::current_exception();
  }
  return made;
}

Batch Loader::State::make_batch(const std::vector<int64_t>& rows, int64_t of_epoch, int64_t k) const {
  Random random(seed, fmt::format("data/augment/{}/{}", of_epoch, k));
  Batch batch = dataset.batch(rows, augment, random);
  batch.number = k;
  return batch;
}

std::vector<int64_t> Loader::State::readable(const std::vector<int64_t>& rows,
                                             std::vector<std::string>& left_out) const {
  std::vector<int64_t> good;
  for (const int64_t row : rows) {
    const std::string failure = read_failure(dataset.source(), dataset.targets(), row);
    if (failure.empty())
      good.push_back(row);
    else
      left_out.push_back(fmt::format("{}: {}", dataset.source().row_name(row), failure));
  }
  return good;
}

// The next batch of the delivery, made here or by a worker. `next_given` < `total`.
Loader::State::Made Loader::State::take() {
  if (options.workers == 0) {
    const int64_t k = next_given++;
    return make(rows_of(k), epoch, k);
  }
  std::unique_lock<std::mutex> lock(mutex);
  to_consumer.wait(lock, [this] { return ready.count(next_given) > 0; });
  Made made = std::move(ready.extract(next_given).mapped());
  ++next_given;
  lock.unlock();
  to_workers.notify_one();
  return made;
}

Loader::Loader(const Dataset& dataset, const LoaderOptions& options, uint64_t seed,
               const std::vector<std::unique_ptr<Transform>>& augment)
    : state_(std::make_unique<State>(dataset, options, seed, augment)) {
  state_->start_workers();
}

Loader::~Loader() = default;

void Loader::start(std::vector<int64_t> order, int64_t epoch, int64_t first) {
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    ++state_->generation;
    state_->ready.clear();
    state_->total = batches(static_cast<int64_t>(order.size()));
    state_->order = std::move(order);
    state_->epoch = epoch;
    state_->next_made = state_->next_given = first;
  }
  state_->to_workers.notify_all();
}

std::optional<Batch> Loader::next() {
  while (state_->next_given < state_->total) {
    State::Made made = state_->take();
    if (made.error) {
      start({}, state_->epoch);
      std::rethrow_exception(made.error);
    }
    for (auto& entry : made.skipped) {
      auto& all = state_->skipped;
      if (std::find(all.begin(), all.end(), entry) == all.end()) all.push_back(std::move(entry));
    }
    if (made.batch.size() > 0) return std::move(made.batch);
  }
  return std::nullopt;
}

int64_t Loader::batches(int64_t n) const {
  const int64_t size = state_->options.batch_size;
  return state_->options.drop_last ? n / size : (n + size - 1) / size;
}

std::vector<std::string> Loader::skipped() const { return state_->skipped; }

}  // namespace polytask
