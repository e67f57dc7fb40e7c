#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention | beta | eps  | update   |
/// | paper      | 0.01 | 0    | always   |
/// | libmtl     | 0.5  | 1e-8 | always   |
/// | torchjd    | 0.5  | 1e-8 | always   |
/// | samsung    | 0.5  | 0    | violated |
struct GradVacOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::optional<double> beta;         ///< of the moving average of the cosines
  std::optional<double> eps;          ///< added to the denominators
  std::optional<std::string> update;  ///< always | violated: which cosines the average takes in
  std::string groups = "whole";       ///< whole | layer | tensor
  void fields(Fields& f);
};

/// Gradient vaccine. p_i = g_i; for every j ≠ i in a random order and every group of parameters,
///   ρ = p_iᵀg_j / (‖p_i‖‖g_j‖ + eps);
///   where ρ < ρ̂_ij:  p_i += g_j ‖p_i‖ (ρ̂ √(1−ρ²) − ρ √(1−ρ̂²)) / (‖g_j‖ √(1−ρ̂²) + eps);
///   ρ̂_ij ← (1−β) ρ̂_ij + β ρ,
/// and the step is Σ p_i. Carried out on coefficients with the M of each group. √(1−ρ̂²) counts as 1e-8 at least. A pair
/// with a gradient of norm 0 is passed over, its ρ̂ included. Orders are drawn from "gradvac/order", a permutation of
/// the rows for each row in turn, whose entry i is passed over in the order of i. State: "rho" [T, T, groups], 0 at the
/// start; entries of absent tasks stay. With groups other than whole the weights are GramWeights::block_w, and `w` is
/// their mean over the groups, for the log. WorkError without draws where there are two rows or more, and where the
/// number of groups is not that of the state. Source: Wang, Tsvetkov, Firat, Cao, Gradient Vaccine, ICLR 2021,
/// equations 2–3, algorithm 1.
class GradVac : public GramWeighting {
 public:
  explicit GradVac(const GradVacOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  Needs needs() const override;
  GramWeights weigh(const GramState& gram, const LossState& state) override;
  NamedTensors state() const override;
  void load_state(const NamedTensors& state) override;

 private:
  void start(const GramState& gram, size_t groups);
  void vaccinate(const Matrix& m, int64_t j, double& target);
  double& rho(int64_t i, int64_t j, size_t group);
  void vaccinate_row(const Matrix& m, const GramState& gram, int64_t row, size_t group,
                     const std::vector<int64_t>& order);

  double beta_, eps_;
  bool only_violated_;
  BlockSize groups_;
  int64_t tasks_ = 0;
  size_t group_count_ = 0;
  std::vector<double> rho_;           // [T, T, groups]
  std::vector<double> c_, products_;  // of the row and group at hand: p = Gᵀc, products = M c
};

}  // namespace polytask
