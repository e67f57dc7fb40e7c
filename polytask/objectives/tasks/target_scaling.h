#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace polytask {

/// Between real units and what a regression head learns, K targets: z = (u − mean) / std with u the value or its
/// logarithm. All in double.
class TargetScaling {
 public:
  /// No change but the logarithm where `log`.
  TargetScaling(int64_t targets, bool log);
  /// Throws InputError unless every number is finite and every standard deviation > 0.
  TargetScaling(std::vector<double> mean, std::vector<double> std, bool log);

  /// Statistics of values [n, K] (positive where `log`) over valid [n, K], each column having some: mean and population
  /// standard deviation, 1 where all values are equal.
  static TargetScaling fit(const at::Tensor& values, const at::Tensor& valid, bool log);

  at::Tensor standardise(const at::Tensor& values) const;  ///< [B, K] in real units → double [B, K]
  at::Tensor restore(const at::Tensor& scaled) const;      ///< its inverse; double [B, K]

  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& std() const { return std_; }

 private:
  std::vector<double> mean_, std_;
  bool log_;
  at::Tensor shift_, scale_;  ///< double [K]
};

}  // namespace polytask
