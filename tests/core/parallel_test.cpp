#include <polytask/core/parallel.h>
#include <polytask/core/threads.h>

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace polytask {
namespace {

TEST(ParallelRanges, CoverEverythingOnce) {
  for (const int64_t n : {0, 1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
    parallel_ranges(n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    });
    for (const auto& count : seen) EXPECT_EQ(count, 1);
  }
}

TEST(ParallelRanges, TheGrainBoundsTheNumberOfRanges) {
  std::atomic<int> ranges{0};
  parallel_ranges(10, 11, [&](int64_t, int64_t) { ++ranges; });
  EXPECT_EQ(ranges, 1);
}

TEST(ParallelRanges, RunOnSeveralThreads) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one core";
  set_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  parallel_ranges(2, 1, [&](int64_t, int64_t) {
    const std::lock_guard<std::mutex> lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(threads.size(), 2u);
}

TEST(ParallelRanges, ThrowOnTheFirstError) {
  EXPECT_THROW(parallel_ranges(100, 1, [](int64_t, int64_t) { throw std::runtime_error("no"); }), std::runtime_error);
}

}  // namespace
}  // namespace polytask
