#pragma once
#include <polytask/data/source.h>

namespace polytask {

// One per source: adds it, with its options, to the registry. `sources()` calls each.
void register_idx(SourceRegistry& registry);
void register_multi_mnist(SourceRegistry& registry);
void register_table(SourceRegistry& registry);
void register_images(SourceRegistry& registry);
void register_arrays(SourceRegistry& registry);
void register_raster(SourceRegistry& registry);
void register_implants(SourceRegistry& registry);
void register_tabular(SourceRegistry& registry);
void register_multi(SourceRegistry& registry);
void register_driving(SourceRegistry& registry);
void register_forest(SourceRegistry& registry);

}  // namespace polytask
