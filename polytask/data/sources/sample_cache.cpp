#include <polytask/core/error.h>
#include <polytask/data/sources/sample_cache.h>

#include <ATen/ATen.h>

#include <algorithm>

namespace polytask {

SampleCache::SampleCache(int64_t rows, int64_t budget_mb)
    : samples_(static_cast<size_t>(rows)), budget_bytes_(budget_mb * 1024 * 1024) {}

at::Tensor SampleCache::read(c10::ArrayRef<int64_t> rows, const std::function<at::Tensor(int64_t)>& decode) {
  std::vector<at::Tensor> found(rows.size());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] < 0 || rows[i] >= static_cast<int64_t>(samples_.size()))
        throw InputError("row {} does not exist: there are {}", rows[i], samples_.size());
      found[i] = samples_[static_cast<size_t>(rows[i])];
    }
  }
  std::vector<size_t> decoded;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (found[i].defined()) continue;
    found[i] = decode(rows[i]);
    decoded.push_back(i);
  }
  if (!decoded.empty()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const size_t i : decoded) {
      at::Tensor& kept = samples_[static_cast<size_t>(rows[i])];
      const auto bytes = static_cast<int64_t>(found[i].nbytes());
      if (kept.defined() || bytes > budget_bytes_) continue;
      budget_bytes_ -= bytes;
      kept = found[i];
    }
  }
  const auto is_float = [](const at::Tensor& sample) { return sample.scalar_type() != at::kByte; };
  if (std::any_of(found.begin(), found.end(), is_float))
    for (auto& sample : found) sample = sample.to(at::kFloat);
  return at::stack(found);
}

}  // namespace polytask
