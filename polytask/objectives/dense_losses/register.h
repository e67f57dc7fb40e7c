#pragma once
#include <polytask/objectives/dense_loss.h>

namespace polytask {

// One per file of this folder; those that are means of a loss of samples stand beside it (losses/register.h).
// register.cpp calls them all in the order of the documentation.
void register_dice(DenseLossRegistry& losses);
void register_lovasz(DenseLossRegistry& losses);
void register_berhu(DenseLossRegistry& losses);
void register_silog(DenseLossRegistry& losses);
void register_segmentation_sum(DenseLossRegistry& losses);
void register_dense_regression_sum(DenseLossRegistry& losses);

}  // namespace polytask
