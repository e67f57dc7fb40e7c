#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <string>
#include <vector>

namespace polytask {

struct GeometricOptions {
  double epsilon = 0;  ///< added to every loss, for losses that reach 0
  void fields(Fields& f);
};

/// The geometric mean of the present losses is minimised: loss = (Π L_t)^{1/T}, w_t = loss / (T L_t). Computed through
/// exp(mean log L), so that neither many tasks nor extreme losses leave the range of numbers.
/// Losses must be above −epsilon: weigh() throws a WorkError that names the task where one is not (a negative
/// log-likelihood may be negative).
/// Source: Chennupati et al., MultiNet++: Multi-Stream Feature Aggregation and Geometric Loss Strategy, CVPR workshops
/// 2019.
class Geometric : public LossWeighting {
 public:
  explicit Geometric(const GeometricOptions& options) : options_(options) {}
  void setup(const std::vector<TaskInfo>& tasks) override;
  Weights weigh(const LossState& state, bool train) override;

 private:
  GeometricOptions options_;
  std::vector<std::string> names_;
};

}  // namespace polytask
