#pragma once
#include <polytask/balancing/gram_weighting.h>

namespace polytask {

/// The sum of the task gradients, w = 1: the same step as `equal`, by the path of the gradient methods. M is not looked
/// at.
class SumWeighting : public GramWeighting {
 public:
  GramWeights weigh(const GramState& gram, const LossState& state) override;
};

}  // namespace polytask
