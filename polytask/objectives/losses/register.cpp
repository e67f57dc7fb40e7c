#include <polytask/objectives/losses/register.h>

namespace polytask {

LossRegistry& classification_losses() {
  static LossRegistry registry = [] {
    LossRegistry losses("classification loss");
    register_cross_entropy(losses);
    register_focal(losses);
    return losses;
  }();
  return registry;
}

LossRegistry& binary_losses() {
  static LossRegistry registry = [] {
    LossRegistry losses("binary loss");
    register_bce(losses);
    return losses;
  }();
  return registry;
}

LossRegistry& regression_losses() {
  static LossRegistry registry = [] {
    LossRegistry losses("regression loss");
    register_mse(losses);
    register_l1(losses);
    register_huber(losses);
    register_smooth_l1(losses);
    register_nll_gaussian(losses);
    return losses;
  }();
  return registry;
}

}  // namespace polytask
