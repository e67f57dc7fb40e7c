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
/// | convention    | lr |
/// | paper, libmtl | 5  |
/// | torchjd       | 10 |
/// The paper leaves the inner optimiser to its experiments; its defaults here are those of LibMTL's port.
struct SdmgradOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  double lambda = 0.3;
  std::optional<double> lr;
  double momentum = 0.5;
  int64_t iterations = 20;
  void fields(Fields& f);
};

/// SDMGrad: the min-norm direction pulled towards the mean gradient, from three separate batches ξ, ξ', ζ (in this
/// order). With A = G_ξ G_ξ'ᵀ / (s² + 1e-8), s = mean_t √max(A_tt, 0), `iterations` steps of projected gradient descent
/// with momentum m from the w of the step before (1/T at first):
///   v ← m v + A w + λ·(row means of A),   w ← Π_Δ(w − lr v),   v = 0 at first in every call;
///   d = (G_ζᵀ w + λ · mean of the rows of G_ζ)/(1 + λ), that is, applied weights (w_t + λ/R)/(1 + λ).
/// shown: "simplex", the w above. Both sum to 1 over the R tasks present. The descent is stopped, not solved: the
/// status has its iterations and no residual.
/// State: "w" [T]. Refuses `scope: representation` before training. WorkError where fewer than two batches come.
/// Source: Xiao, Ban, Ji, Direction-oriented Multi-objective Learning, NeurIPS 2023, Algorithm 1.
class Sdmgrad : public GradientCombiner {
 public:
  explicit Sdmgrad(const SdmgradOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override;
  bool makes_direction() const override { return false; }
  bool supports_representation() const override { return false; }
  GramWeights combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  SdmgradOptions options_;
  TaskShares w_;
};

}  // namespace polytask
