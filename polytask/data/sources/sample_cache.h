#pragma once
#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace polytask {

/// Keeps decoded samples in memory, as many as fit into a budget; thread-safe. Samples are decoded at first need,
/// outside the lock, so that two threads may decode the same one.
class SampleCache {
 public:
  SampleCache(int64_t rows, int64_t budget_mb);

  /// The samples as one tensor [B, …], bytes where all are bytes, float32 otherwise. All must have one shape.
  at::Tensor read(c10::ArrayRef<int64_t> rows, const std::function<at::Tensor(int64_t)>& decode);

 private:
  std::mutex mutex_;
  std::vector<at::Tensor> samples_;
  int64_t budget_bytes_ = 0;
};

}  // namespace polytask
