#include <polytask/balancing/register.h>
#include <polytask/balancing/weighting/register.h>

namespace polytask {

void register_loss_weightings(BalancerRegistry& registry) {
  register_equal(registry);
  register_fixed(registry);
  register_geometric(registry);
  register_scale_invariant(registry);
  register_random(registry);
  register_uncertainty(registry);
  register_dwa(registry);
  register_imtl_l(registry);
  register_stch(registry);
  register_cosmos(registry);
  register_pbi(registry);
  register_famo(registry);
  register_dtp(registry);
}

}  // namespace polytask
