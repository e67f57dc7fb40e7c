#include <polytask/balancing/balancer.h>
#include <polytask/balancing/weighting/register.h>

namespace polytask {

BalancerRegistry& balancers() {
  static BalancerRegistry registry = [] {
    BalancerRegistry filled("balancing method", "method");
    register_equal(filled);
    register_fixed(filled);
    register_geometric(filled);
    register_scale_invariant(filled);
    register_random(filled);
    register_uncertainty(filled);
    return filled;
  }();
  return registry;
}

}  // namespace polytask
