#pragma once
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/core/options.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention | eta  | sum   | first   | epsilon of e/(e0 + epsilon) |
/// | paper      | 0.01 | one   | keep    | 0                           |
/// | libmtl     | 0.01 | tasks | keep    | 0                           |
/// | torchjd    | 1    | one   | raw     | 1e-7                        |
struct ExcessOptions {
  static constexpr const char* kHeads = "weighted";
  std::string convention = "paper";
  std::optional<double> eta;
  std::optional<std::string> sum;    ///< one | tasks
  std::optional<std::string> first;  ///< keep | raw
  int64_t warmup = 0;                ///< steps
  void fields(Fields& f);
};

/// ExcessMTL: weights grow with the tasks' excess risks, estimated by a diagonal second-order expansion. Per step
///   S_t += g_t² (elementwise),   e_t = Σ_p g_t²/√(S_t + 1e-7),   w_t ← w_t exp(η e_t/e0_t)
/// and then scaled to the sum that they had; w = 1/T at first (`sum: one`; `tasks`: 1). e0_t is the mean of e_t over
/// the task's first `warmup` steps, during which its weight has no factor; without a warm-up it is e_t of the task's
/// first step, whose factor is 1
/// (`first: keep`) or exp(η e_t) (`raw`). A task whose e0 is still 0 (no gradient so far) is taken as at its first
/// step. Factors are computed relative to the greatest, so that none overflows. Absent tasks keep S, e0 and w; those of
/// the present keep the sum they had. shown: "excess", e_t. State: "S" [T, P] from the first step on, "e0", "w",
/// "calls" [T]. Refuses `scope: representation` before training. Source: He et al., Robust Multi-Task Learning with
/// Excess Risks, ICML 2024, equations 6, 7 and 9.
class Excess : public GradientCombiner {
 public:
  explicit Excess(const ExcessOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  HeadGradient heads() const override { return HeadGradient::weighted; }
  bool makes_direction() const override { return false; }
  bool supports_representation() const override { return false; }
  bool keeps_columns() const override { return true; }
  GramWeights combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  void reset(int64_t tasks);
  double exponent(size_t task, double excess);
  void reweigh(const std::vector<int64_t>& tasks, const std::vector<double>& exponents);

  double eta_, epsilon_;
  bool sum_to_tasks_, raw_first_;
  int64_t warmup_;
  at::Tensor s_;
  std::vector<double> e0_, w_, calls_;
};

}  // namespace polytask
