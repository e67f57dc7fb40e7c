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
/// run sees what an uninterrupted one would have, and of the same length in every epoch.
class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual std::vector<int64_t> order(uint64_t seed, int64_t epoch) const = 0;
};

/// What samplers may look at: the rows to draw from, the targets of the tasks, the source's data sets.
struct SamplerContext {
  std::vector<int64_t> rows;
  const std::map<std::string, Targets>& targets;
  std::vector<DataSetRange> data_sets = {};  ///< none: a single one
  int64_t batch_size = 1;
};

using SamplerRegistry = Registry<Sampler, const SamplerContext&>;
/// shuffle, sequential, balanced (by the classes of one task); across data sets: proportional, uniform, temperature,
/// weights.
SamplerRegistry& samplers();

}  // namespace polytask
