#pragma once
#include <polytask/balancing/gram_balancer.h>

namespace polytask {

// One function a method, each in the method's own file; register.cpp calls them all.
void register_mgda(BalancerRegistry& registry);
void register_cagrad(BalancerRegistry& registry);
void register_mean(BalancerRegistry& registry);
void register_nash(BalancerRegistry& registry);
void register_fairgrad(BalancerRegistry& registry);
void register_upgrad(BalancerRegistry& registry);
void register_dualproj(BalancerRegistry& registry);
void register_sum(BalancerRegistry& registry);
void register_pcgrad(BalancerRegistry& registry);
void register_gradvac(BalancerRegistry& registry);
void register_aligned(BalancerRegistry& registry);
void register_imtl_g(BalancerRegistry& registry);
void register_imtl(BalancerRegistry& registry);
void register_config(BalancerRegistry& registry);
void register_krum(BalancerRegistry& registry);
void register_gradnorm(BalancerRegistry& registry);
void register_crmogm(BalancerRegistry& registry);

}  // namespace polytask
