#pragma once
#include <polytask/data/sampler.h>

namespace polytask {

// One per sampler: adds it, with its options, to the registry. `samplers()` calls each.
void register_shuffle(SamplerRegistry& registry);
void register_sequential(SamplerRegistry& registry);
void register_balanced(SamplerRegistry& registry);
/// proportional, uniform, temperature, weights
void register_across_data_sets(SamplerRegistry& registry);

}  // namespace polytask
