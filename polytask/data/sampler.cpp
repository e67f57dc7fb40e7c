#include <polytask/data/sampler.h>
#include <polytask/data/samplers/samplers.h>

namespace polytask {

SamplerRegistry& samplers() {
  static SamplerRegistry registry = [] {
    SamplerRegistry all("sampler");
    register_shuffle(all);
    register_sequential(all);
    register_balanced(all);
    register_across_data_sets(all);
    return all;
  }();
  return registry;
}

}  // namespace polytask
