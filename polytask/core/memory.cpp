#include <polytask/core/memory.h>

#include <malloc.h>
#include <sys/resource.h>

namespace polytask {

void configure_allocator() {
#ifdef M_MMAP_THRESHOLD
  constexpr int kOneGibibyte = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kOneGibibyte);
  mallopt(M_TRIM_THRESHOLD, kOneGibibyte);
#endif
}

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace polytask
