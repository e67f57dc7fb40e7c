#pragma once
#include <polytask/balancing/balancer.h>

namespace polytask {

// One function a method, each in the method's own file; register.cpp calls them all.
void register_equal(BalancerRegistry& registry);
void register_fixed(BalancerRegistry& registry);
void register_geometric(BalancerRegistry& registry);
void register_scale_invariant(BalancerRegistry& registry);
void register_random(BalancerRegistry& registry);
void register_uncertainty(BalancerRegistry& registry);
void register_dwa(BalancerRegistry& registry);
void register_imtl_l(BalancerRegistry& registry);
void register_stch(BalancerRegistry& registry);
void register_cosmos(BalancerRegistry& registry);
void register_pbi(BalancerRegistry& registry);
void register_famo(BalancerRegistry& registry);
void register_dtp(BalancerRegistry& registry);

}  // namespace polytask
