#pragma once
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/core/options.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace polytask {

struct TrimmedMeanOptions {
  static constexpr const char* kHeads = "own";
  std::optional<int64_t> trim;
  void fields(Fields& f);
};

/// Column-wise trimmed mean: in every column the k greatest and the k least entries are dropped, and d is the mean of
/// the R − 2k others, each summed as it is (no difference of sums, so that an outlier of any size leaves no trace).
/// Where fewer than 2k + 1 tasks are present, k falls to ⌊(R − 1)/2⌋; without `trim` it is 1, or 0 for one or two
/// tasks. A direction of this kind has no weights; w_t is the share of the columns in which the task's entry lies among
/// the kept ones (ties count for each), over R − 2k. Works on the CPU (rows elsewhere are copied there and back).
/// Source: Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018.
class TrimmedMean : public GradientCombiner {
 public:
  explicit TrimmedMean(const TrimmedMeanOptions& options) : trim_(options.trim) {}
  /// InputError where `trim` was given and leaves no task.
  void setup(const std::vector<TaskInfo>& tasks) override;
  GramWeights combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) override;

 private:
  std::optional<int64_t> trim_;
};

}  // namespace polytask
