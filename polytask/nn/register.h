#pragma once
#include <polytask/nn/backbone.h>
#include <polytask/nn/head.h>
#include <polytask/nn/model.h>

namespace polytask {

// One function per file of backbones/, heads/ and sharing/; register.cpp calls them all.
void register_mlp_backbone(BackboneRegistry& registry);
void register_lenet_backbone(BackboneRegistry& registry);
void register_resnet_backbones(BackboneRegistry& registry);
void register_unet_backbone(BackboneRegistry& registry);

void register_linear_head(HeadRegistry& registry);
void register_mlp_head(HeadRegistry& registry);
void register_unet_decoder(HeadRegistry& registry);

void register_hard_sharing(SharingRegistry& registry);
void register_cross_stitch_sharing(SharingRegistry& registry);
void register_mtan_sharing(SharingRegistry& registry);
void register_ple_sharing(SharingRegistry& registry);
void register_ltb_sharing(SharingRegistry& registry);
void register_soft_sharing(SharingRegistry& registry);
void register_mmoe_sharing(SharingRegistry& registry);
void register_cgc_sharing(SharingRegistry& registry);
void register_dselect_k_sharing(SharingRegistry& registry);

}  // namespace polytask
