#pragma once
#include <polytask/balancing/gram_weighting.h>

namespace polytask {

/// The mean of the task gradients, w = 1/(tasks present). M is not looked at.
class MeanWeighting : public GramWeighting {
 public:
  GramWeights weigh(const GramState& gram, const LossState& state) override;
};

}  // namespace polytask
