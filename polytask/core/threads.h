#pragma once
#include <cstdint>
#include <string>

namespace polytask {

/// Sets libtorch's intra-op threads; 0 = every core this process may use. Call before any parallel work.
void set_threads(int64_t threads);

/// Cores this process may run on (the affinity mask, not the machine).
int64_t usable_cores();

/// Which BLAS libtorch's matrix products run on.
struct BlasReport {
  std::string name;          ///< "OpenBLAS 0.3.21", "reference BLAS", "MKL", …
  std::string thread_layer;  ///< "OpenMP", "pthreads", "sequential" or "unknown"
  std::string path;          ///< the loaded library
  std::string warning;       ///< why it is slow and what to install; "" where it is fine
};
BlasReport blas_report();

}  // namespace polytask
