#pragma once
#include <polytask/core/registry.h>
#include <polytask/data/targets.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// Decides the order in which training rows are seen. The order is a pure function of (seed, epoch), so that a resumed
/// run sees what an uninterrupted one would have.
class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual std::vector<int64_t> order(uint64_t seed, int64_t epoch) const = 0;
};

/// What samplers may look at: the rows to draw from and the targets of the tasks.
struct SamplerContext {
  std::vector<int64_t> rows;
  const std::map<std::string, Targets>& targets;
};

using SamplerRegistry = Registry<Sampler, const SamplerContext&>;
SamplerRegistry& samplers();  ///< shuffle, sequential, balanced (class-balanced draws by one task's classes)

}  // namespace polytask
