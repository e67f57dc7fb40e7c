#pragma once
#include <polytask/balancing/combining_balancer.h>

namespace polytask {

// One function a method, each in the method's own file; register.cpp calls them all.
void register_graddrop(BalancerRegistry& registry);
void register_moco(BalancerRegistry& registry);
void register_modo(BalancerRegistry& registry);
void register_sdmgrad(BalancerRegistry& registry);
void register_db_mtl(BalancerRegistry& registry);
void register_excess(BalancerRegistry& registry);
void register_trimmed_mean(BalancerRegistry& registry);

}  // namespace polytask
