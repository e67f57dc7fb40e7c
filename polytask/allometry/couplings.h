#pragma once
#include <polytask/objectives/coupling.h>

namespace polytask {

/// Every coupling between tasks.
CouplingRegistry& couplings();

}  // namespace polytask
