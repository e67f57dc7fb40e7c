#pragma once
#include <polytask/balancing/combining/task_shares.h>
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/core/options.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention | gamma | rho |
/// | paper      | 0.001 | 0   |
/// | libmtl     | 0.001 | 0.1 |
/// | torchjd    | 0.1   | 0.1 |
struct ModoOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::optional<double> gamma, rho;
  void fields(Fields& f);
};

/// MoDo: from the gradients G1, G2, G3 of three separate batches,
///   λ ← Π_Δ(λ − γ (G1 G2ᵀ λ + ρ λ)),   d = G3ᵀ λ,   λ = 1/T at first.
/// Two batches make the estimate of the slope unbiased, the third that of d. w = λ, which sums to 1 over the tasks
/// present. G1 G2ᵀ λ is two products with a vector; one vector of P columns is the only temporary.
/// State: "lambda" [T]. Refuses `scope: representation` before training. WorkError where fewer than two batches come.
/// Source: Chen et al., Three-Way Trade-Off in Multi-Objective Learning: Optimization, Generalization and
/// Conflict-Avoidance, NeurIPS 2023, Algorithm 1.
class Modo : public GradientCombiner {
 public:
  explicit Modo(const ModoOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override;
  bool makes_direction() const override { return false; }
  bool supports_representation() const override { return false; }
  GramWeights combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  double gamma_, rho_;
  TaskShares lambda_;
};

}  // namespace polytask
