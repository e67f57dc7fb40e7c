#pragma once
#include <polytask/balancing/balancer.h>

namespace polytask {

// One explicit list a family, in the register.cpp of its folder.
void register_loss_weightings(BalancerRegistry& registry);
void register_gram_weightings(BalancerRegistry& registry);
void register_combiners(BalancerRegistry& registry);

}  // namespace polytask
