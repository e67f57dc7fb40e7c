#pragma once
#include <cstdint>
#include <functional>

namespace polytask {

/// Splits [0, n) into as many equal ranges as there are threads (at most n / grain, at least one) and runs
/// work(begin, end) for each of them at the same time, on the very threads that libtorch computes with. Serial inside a
/// parallel region, and where libtorch's threads are not those of GNU OpenMP. The first exception of a range is thrown
/// on. (at::parallel_for is a template of libtorch's headers, and serial in code compiled without OpenMP; clang's
/// OpenMP would bring a second set of threads.)
void parallel_ranges(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& work);

}  // namespace polytask
