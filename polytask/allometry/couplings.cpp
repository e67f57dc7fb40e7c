#include <polytask/allometry/couplings.h>

namespace polytask {

CouplingRegistry& couplings() {
  static CouplingRegistry registry("coupling");
  return registry;
}

}  // namespace polytask
