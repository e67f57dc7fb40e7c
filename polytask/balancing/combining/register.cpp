#include <polytask/balancing/combining/register.h>
#include <polytask/balancing/register.h>

namespace polytask {

void register_combiners(BalancerRegistry& registry) {
  register_graddrop(registry);
  register_moco(registry);
  register_modo(registry);
  register_sdmgrad(registry);
  register_db_mtl(registry);
  register_excess(registry);
  register_trimmed_mean(registry);
}

}  // namespace polytask
