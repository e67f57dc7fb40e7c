#pragma once
#include <polytask/balancing/method.h>

namespace polytask {

/// Fresh random weights for every batch: z ~ N(0, I) from the draws "balance/random", w = softmax(z) over the present
/// tasks, Σ w = 1 (so the step is 1/T of that of `equal`). A normal is drawn for every task, present or not, so that
/// missing labels do not shift the stream. Evaluation draws nothing: every present task has its expected weight,
/// 1/(tasks present). WorkError where training supplies no draws.
/// Source: Lin et al., Reasonable Effectiveness of Random Weighting, TMLR 2022 (RLW).
class RandomWeighting : public LossWeighting {
 public:
  Weights weigh(const LossState& state, bool train) override;
};

}  // namespace polytask
