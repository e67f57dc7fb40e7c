#pragma once
#include <cstdint>

namespace polytask {

/// Keeps freed tensor memory in the process instead of giving it back to the kernel at every free (glibc's mmap and
/// trim thresholds). Called once at program start; does nothing on other C libraries.
void configure_allocator();

/// Highest resident memory of this process so far, in bytes.
int64_t peak_memory_bytes();

}  // namespace polytask
