#pragma once
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/core/options.h>

#include <cstdint>
#include <string>
#include <vector>

namespace polytask {

struct DbMtlOptions {
  static constexpr const char* kHeads = "weighted";
  double beta = 0.9, beta_sigma = 0;
  double epsilon = 1e-8;
  void fields(Fields& f);
};

/// DB-MTL: the losses' logarithms, and their tracked gradients brought to one length. With k = 1, 2, … the step,
/// ĝ_t = g_t/(L_t + ε), β_k = β k^{−σ}:
///   b_t ← ĝ_t + β_k (b_t − ĝ_t), 0 at first,   d = Σ_t α_t b_t,   α_t = max_s ‖b_s‖ / (‖b_t‖ + ε).
/// Heads receive the gradient of log(L_t + ε): their own times 1/(L_t + ε), unless `heads` is given.
/// w_t is this step's factor of g_t in d: α_t (1 − β_k)/(L_t + ε); shown: "scale", α_t.
/// WorkError naming the task whose L_t + ε is not above 0.
/// State: "b" [T, P] from the first step on, "step". Refuses `scope: representation` before training.
/// Source: Lin et al., Dual-Balancing for Multi-Task Learning, 2023, Algorithm 1.
class DbMtl : public GradientCombiner {
 public:
  explicit DbMtl(const DbMtlOptions& options) : options_(options) {}
  void setup(const std::vector<TaskInfo>& tasks) override;
  HeadGradient heads() const override { return HeadGradient::weighted; }
  bool supports_representation() const override { return false; }
  bool keeps_columns() const override { return true; }
  GramWeights combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  std::vector<double> inverse_losses(const GradientRows& rows, const LossState& state) const;

  DbMtlOptions options_;
  std::vector<std::string> names_;
  at::Tensor b_;
  int64_t step_ = 0;
};

}  // namespace polytask
