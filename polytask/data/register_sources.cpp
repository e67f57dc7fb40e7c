#include <polytask/data/source.h>
#include <polytask/data/sources/sources.h>

namespace polytask {

SourceRegistry& sources() {
  static SourceRegistry registry = [] {
    SourceRegistry all("data source", "source");
    register_idx(all);
    register_multi_mnist(all);
    register_table(all);
    register_images(all);
    register_arrays(all);
    register_raster(all);
    register_implants(all);
    register_tabular(all);
    register_driving(all);
    register_forest(all);
    register_multi(all);
    return all;
  }();
  return registry;
}

}  // namespace polytask
