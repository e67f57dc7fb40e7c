#include <polytask/objectives/dense_losses/register.h>
#include <polytask/objectives/losses/register.h>

namespace polytask {

DenseLossRegistry& segmentation_losses() {
  static DenseLossRegistry registry = [] {
    DenseLossRegistry losses("segmentation loss");
    register_cross_entropy(losses);
    register_dice(losses);
    register_focal(losses);
    register_lovasz(losses);
    register_segmentation_sum(losses);
    return losses;
  }();
  return registry;
}

DenseLossRegistry& dense_regression_losses() {
  static DenseLossRegistry registry = [] {
    DenseLossRegistry losses("dense regression loss");
    register_l1(losses);
    register_huber(losses);
    register_mse(losses);
    register_berhu(losses);
    register_silog(losses);
    register_dense_regression_sum(losses);
    return losses;
  }();
  return registry;
}

}  // namespace polytask
