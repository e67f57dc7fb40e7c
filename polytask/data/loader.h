#pragma once
#include <polytask/data/dataset.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

struct LoaderOptions {
  int64_t batch_size = 64;
  int64_t workers = 1;                  ///< 0: batches are made in the calling thread
  int64_t prefetch = 4;                 ///< batches made ahead, in all
  bool drop_last = false;               ///< leave out a last batch that is smaller
  std::string on_bad_sample = "error";  ///< error | skip (rows that cannot be read are left out and listed)
  void fields(Fields& f);
};

/// Makes batches ahead of the trainer in worker threads. What it yields does not depend on the number of workers: batch
/// k of epoch e draws from the stream (seed, "data/augment/e/k"). Workers run tensor operations on one thread each.
class Loader {
 public:
  /// The data set and the transforms must outlive the loader.
  Loader(const Dataset& dataset, const LoaderOptions& options, uint64_t seed,
         const std::vector<std::unique_ptr<Transform>>& augment);
  ~Loader();

  /// Begins to deliver `order` in batches, from batch `first` on. Ends whatever was under way. next() and start() are
  /// for one thread.
  void start(std::vector<int64_t> order, int64_t epoch, int64_t first = 0);
  /// The next batch, or nothing at the end. Rethrows a worker's error at the batch where it happened, which ends the
  /// delivery. A batch of which no row could be read (`on_bad_sample: skip`) is passed over.
  std::optional<Batch> next();
  /// Batches of an order of n rows.
  int64_t batches(int64_t n) const;
  /// Names of rows left out so far (`on_bad_sample: skip`), with the reason.
  std::vector<std::string> skipped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace polytask
