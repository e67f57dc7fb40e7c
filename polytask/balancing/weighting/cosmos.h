#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <string>
#include <vector>

namespace polytask {

struct CosmosOptions {
  std::vector<double> weights;  ///< r_t > 0: one number, or one for each task; default 1/T
  double lambda = 1;            ///< λ ≥ 0: 0 is the weighted sum alone
  void fields(Fields& f);
};

/// A weighted sum of the losses, and a reward for losses that stand in the proportion of the preference r:
///   rᵀL − λ cos(r, L),  w_t = r_t − λ (r_t/‖r‖ − cos(r, L) L_t/‖L‖)/‖L‖
/// over the present tasks. Weights can be negative where λ is large against ‖L‖. The cosine of losses that are all 0
/// counts as 0, without a gradient. T = 1: w = r.
/// Source: Ruchte, Grabocka, Scalable Pareto Front Approximation for Deep Multi-Objective Learning, ICDM 2021, eq. 6;
/// r is fixed here, as in TorchJD, not drawn anew and fed to the network.
class Cosmos : public LossWeighting {
 public:
  explicit Cosmos(const CosmosOptions& options) : options_(options) {}
  /// InputError where weights do not fit the tasks.
  void setup(const std::vector<TaskInfo>& tasks) override;
  Weights weigh(const LossState& state, bool train) override;

 private:
  CosmosOptions options_;
  std::vector<double> preference_;  // [T]
};

}  // namespace polytask
