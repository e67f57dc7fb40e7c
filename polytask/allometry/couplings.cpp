#include <polytask/allometry/allometry_coupling.h>
#include <polytask/allometry/couplings.h>

namespace polytask {

CouplingRegistry& couplings() {
  static CouplingRegistry registry = [] {
    CouplingRegistry all("coupling");
    register_allometry(all);
    return all;
  }();
  return registry;
}

}  // namespace polytask
