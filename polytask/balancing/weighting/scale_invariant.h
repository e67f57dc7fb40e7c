#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

struct ScaleInvariantOptions {
  /// paper, nash: Σ log L_t; samsung: Σ log(1 + L_t).
  std::string convention = "paper";
  std::optional<double> epsilon;  ///< added to every loss; default: 0 for paper and nash, 1 for samsung
  void fields(Fields& f);
};

/// The sum of the logarithms of the present losses is minimised: Σ log(L_t + ε), w_t = 1 / (L_t + ε). Multiplying a
/// loss by a constant changes nothing where ε = 0. Losses must be above −ε: weigh() throws a WorkError that names the
/// task where one is not. Source: the baseline SI of Navon et al., Multi-Task Learning as a Bargaining Game, ICML 2022.
class ScaleInvariant : public LossWeighting {
 public:
  explicit ScaleInvariant(const ScaleInvariantOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  Weights weigh(const LossState& state, bool train) override;

 private:
  double epsilon_;
  std::vector<std::string> names_;
};

}  // namespace polytask
