#pragma once
#include <polytask/objectives/dense_loss.h>
#include <polytask/objectives/loss.h>

namespace polytask {

// One per file of this folder; register.cpp calls them in the order of the documentation.
void register_cross_entropy(LossRegistry& losses);
void register_focal(LossRegistry& losses);
void register_bce(LossRegistry& losses);
void register_mse(LossRegistry& losses);
void register_l1(LossRegistry& losses);
void register_huber(LossRegistry& losses);
void register_smooth_l1(LossRegistry& losses);
void register_nll_gaussian(LossRegistry& losses);

// The same as losses over maps: means over the valid pixels.
void register_cross_entropy(DenseLossRegistry& losses);
void register_focal(DenseLossRegistry& losses);
void register_mse(DenseLossRegistry& losses);
void register_l1(DenseLossRegistry& losses);
void register_huber(DenseLossRegistry& losses);

}  // namespace polytask
