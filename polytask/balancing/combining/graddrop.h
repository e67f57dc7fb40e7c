#pragma once
#include <polytask/balancing/gradient_combiner.h>
#include <polytask/core/options.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention | epsilon | columns of `scope: representation`               |
/// | paper      | 0       | features: batch and sign of the feature count     |
/// | libmtl     | 1e-7    | the same                                          |
/// | torchjd    | 0       | every entry of every sample is a column of its own |
struct GraddropOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::vector<double> leak = {0};
  std::optional<double> epsilon;
  void fields(Fields& f);
};

/// GradDrop: in every column one sign is drawn, and only the gradients of that sign pass. For column c, with s_t the
/// tasks' entries, U ~ U(0,1) from the draws "graddrop/uniform" (one a column) and leak ℓ_t:
///   π = ½ (1 + Σ_t s_t / (Σ_t |s_t| + ε)),   m_t = [π > U][s_t > 0] + [π < U][s_t < 0],
///   d = Σ_t (ℓ_t + (1 − ℓ_t) m_t) g_t.
/// Rows of shared parameters: s_t = g_t. Representation Z [B, …]: one column for each of the R features, s_t = Σ_b
/// sign(Z_b) g_tb, and the mask of a feature holds for all samples; a Z of one dimension counts as one sample each of
/// P features. A column without gradients gives 0.
/// A direction of this kind has no weights; w_t is the share of ‖g_t‖² that passes, Σ f g²/Σ g², in [ℓ_t, 1] (1 where
/// the gradient is 0). WorkError without draws. Works on the CPU (rows elsewhere are copied there and back).
/// Source: Chen et al., Just Pick a Sign: Optimizing Deep Multitask Models with Gradient Sign Dropout, NeurIPS 2020,
/// Algorithm 1.
class Graddrop : public GradientCombiner {
 public:
  explicit Graddrop(const GraddropOptions& options);
  /// InputError where leak does not fit the tasks.
  void setup(const std::vector<TaskInfo>& tasks) override;
  GramWeights combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) override;

 private:
  double leak_of(int64_t task) const;

  std::vector<double> leak_;
  double epsilon_;
  bool by_feature_;
};

}  // namespace polytask
