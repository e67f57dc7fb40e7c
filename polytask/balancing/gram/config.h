#pragma once
#include <polytask/balancing/gram/preference.h>
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>
#include <polytask/solvers/pseudo_inverse.h>

#include <vector>

namespace polytask {

struct ConfigOptions {
  static constexpr const char* kHeads = "own";
  std::vector<double> preference;  ///< [T]; empty: 1 for every task
  void fields(Fields& f);
};

/// The conflict-free direction. With U the unit rows u_t = g_t/‖g_t‖ and p the preference,
///   û = U⁺p / ‖U⁺p‖,   d = (Σ g_tᵀû) û,
/// that is, cosines with the gradients in the proportions of p and the length of their projections. Carried out with
/// C = UUᵀ: y = C⁺p, U⁺p = Uᵀy, so that w_t = length · y_t / (‖U⁺p‖ ‖g_t‖). Scaling a row changes C in nothing, hence
/// the rank neither. Zero rows have weight 0. d = 0 where p lies outside the range of C (exactly opposite gradients).
/// Source: Liu, Chu, Thuerey, ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks, ICLR 2025,
/// equation 2.
class Config : public GramWeighting {
 public:
  /// InputError for a preference that is none.
  explicit Config(const ConfigOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  Preference preference_;
  Matrix units_;
  std::vector<double> norms_, y_;
  PseudoInverse inverse_;
};

}  // namespace polytask
