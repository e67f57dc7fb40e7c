#pragma once
#include <polytask/balancing/combining/task_shares.h>
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/core/options.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention | normalize | projection |
/// | paper      | none      | simplex    |
/// | libmtl     | loss      | softmax    |
struct MocoOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::optional<std::string> normalize;   ///< none | loss
  std::optional<std::string> projection;  ///< simplex | softmax
  double beta = 0.5, beta_sigma = 0.5;
  double gamma = 0.1, gamma_sigma = 0.5;
  double rho = 0;
  void fields(Fields& f);
};

/// MoCo: gradients tracked by a moving average, whose bias a minimum-norm point does not inherit. With k = 1, 2, … the
/// step, ĝ_t = g_t (`normalize: none`) or L_t g_t/(‖g_t‖ + 1e-8) (`loss`), β_k = β k^{−σ_β}, γ_k = γ k^{−σ_γ}:
///   y_t ← y_t − β_k (y_t − ĝ_t),   λ ← Π(λ − γ_k (Y Yᵀ + ρI) λ),   d = Yᵀλ,
/// where Π is the projection to the simplex, or a softmax (which keeps λ almost uniform where γ is small). y starts at
/// 0, λ at 1/T. d uses the y and λ of this step, as LibMTL does; the paper's pseudo-code those of the step before.
/// w_t is this step's factor of g_t in d: λ_t β_k (L_t/(‖g_t‖ + 1e-8)). shown: "lambda". The λ of the tasks present
/// sum to 1.
/// State: "y" [T, P] from the first step on, "lambda" [T], "step". Refuses `scope: representation` before training.
/// Source: Fernando et al., Mitigating Gradient Bias in Multi-objective Learning, ICLR 2023, Algorithm 1.
class Moco : public GradientCombiner {
 public:
  explicit Moco(const MocoOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  bool supports_representation() const override { return false; }
  bool keeps_columns() const override { return true; }
  GramWeights combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  std::vector<double> track(const GradientRows& rows, double rate);
  void move_lambda(const GradientRows& rows, double rate);

  MocoOptions options_;
  bool normalize_, softmax_;
  at::Tensor y_;
  TaskShares lambda_;
  int64_t step_ = 0;
};

}  // namespace polytask
