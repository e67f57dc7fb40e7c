#include <polytask/core/parallel.h>

#include <dlfcn.h>

#include <ATen/Parallel.h>

#include <algorithm>
#include <exception>
#include <mutex>

namespace polytask {
namespace {

// The entry points of the OpenMP runtime that libtorch has loaded.
struct OpenMp {
  void (*parallel)(void (*)(void*), void*, unsigned, unsigned);
  int (*thread)();
  int (*threads)();
  int (*in_parallel)();
  bool is_complete() const {
    return parallel != nullptr && thread != nullptr && threads != nullptr && in_parallel != nullptr;
  }
};

template <class Function>
void find(const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

const OpenMp& open_mp() {
  static const OpenMp found = [] {
    OpenMp functions{};
    find("GOMP_parallel", functions.parallel);
    find("omp_get_thread_num", functions.thread);
    find("omp_get_num_threads", functions.threads);
    find("omp_in_parallel", functions.in_parallel);
    return functions;
  }();
  return found;
}

struct Region {
  int64_t n;
  const std::function<void(int64_t, int64_t)>& work;
  std::mutex mutex;
  std::exception_ptr error;
};

void run_range(void* data) {
  auto& region = *static_cast<Region*>(data);
  const int64_t part = open_mp().thread(), parts = open_mp().threads();
  try {
    const int64_t begin = region.n * part / parts, end = region.n * (part + 1) / parts;
    if (begin < end) region.work(begin, end);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(region.mutex);
    if (!region.error) region.error = std::current_exception();
  }
}

}  // namespace

void parallel_ranges(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& work) {
  if (n <= 0) return;
  const int64_t threads =
      std::min<int64_t>(at::get_num_threads(), std::max<int64_t>(1, n / std::max<int64_t>(1, grain)));
  if (threads <= 1 || !open_mp().is_complete() || open_mp().in_parallel() != 0) return work(0, n);
  Region region{n, work, {}, {}};
  open_mp().parallel(run_range, &region, static_cast<unsigned>(threads), 0);
  if (region.error) std::rethrow_exception(region.error);
}

}  // namespace polytask
