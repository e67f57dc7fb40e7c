#include <polytask/nn/register.h>

namespace polytask {

BackboneRegistry& backbones() {
  static BackboneRegistry registry = [] {
    BackboneRegistry r("backbone");
    register_mlp_backbone(r);
    register_lenet_backbone(r);
    register_resnet_backbones(r);
    register_unet_backbone(r);
    return r;
  }();
  return registry;
}

HeadRegistry& heads() {
  static HeadRegistry registry = [] {
    HeadRegistry r("head");
    register_linear_head(r);
    register_mlp_head(r);
    register_unet_decoder(r);
    return r;
  }();
  return registry;
}

SharingRegistry& sharings() {
  static SharingRegistry registry = [] {
    SharingRegistry r("sharing", "sharing");
    register_hard_sharing(r);
    register_soft_sharing(r);
    register_cross_stitch_sharing(r);
    register_mtan_sharing(r);
    register_mmoe_sharing(r);
    register_cgc_sharing(r);
    register_ple_sharing(r);
    register_dselect_k_sharing(r);
    register_ltb_sharing(r);
    return r;
  }();
  return registry;
}

}  // namespace polytask
