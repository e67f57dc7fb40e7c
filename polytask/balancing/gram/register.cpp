#include <polytask/balancing/gram/register.h>
#include <polytask/balancing/register.h>

namespace polytask {

void register_gram_weightings(BalancerRegistry& registry) {
  register_mgda(registry);
  register_cagrad(registry);
  register_nash(registry);
  register_fairgrad(registry);
  register_upgrad(registry);
  register_dualproj(registry);
  register_mean(registry);
  register_sum(registry);
  register_pcgrad(registry);
  register_gradvac(registry);
  register_aligned(registry);
  register_imtl_g(registry);
  register_imtl(registry);
  register_config(registry);
  register_krum(registry);
  register_gradnorm(registry);
  register_crmogm(registry);
}

}  // namespace polytask
