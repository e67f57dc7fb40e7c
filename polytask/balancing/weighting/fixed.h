#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <vector>

namespace polytask {

struct FixedOptions {
  /// A map from task to number that names every task, or a list in the order of the tasks. Each ≥ 0, not all 0.
  Node weights;
  void fields(Fields& f);
};

/// Constant weights that the user gives. A task with weight 0 is not trained, nor is what only it uses.
class Fixed : public LossWeighting {
 public:
  explicit Fixed(const FixedOptions& options) : options_(options) {}
  /// InputError with place and suggestion for tasks missing or unknown, lists of another length, values that are no
  /// weights.
  void setup(const std::vector<TaskInfo>& tasks) override;
  Weights weigh(const LossState& state, bool train) override;

 private:
  FixedOptions options_;
  std::vector<double> w_;  // [T], after setup
};

}  // namespace polytask
