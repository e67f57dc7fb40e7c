#include <polytask/balancing/register.h>

namespace polytask {

BalancerRegistry& balancers() {
  static BalancerRegistry registry = [] {
    BalancerRegistry filled("balancing method", "method");
    register_loss_weightings(filled);
    register_gram_weightings(filled);
    register_combiners(filled);
    return filled;
  }();
  return registry;
}

}  // namespace polytask
