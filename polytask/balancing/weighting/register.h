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

}  // namespace polytask
