#pragma once
#include <polytask/balancing/gram/preference.h>
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>
#include <polytask/solvers/symmetric_eigen.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention             | preference of every task | w where M = 0 |
/// | paper, libmtl, samsung | 1                        | 0             |
/// | torchjd                | 1/T                      | preference    |
/// (LibMTL raises an IndexError where M = 0.)
struct AlignedOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::string scale_mode = "min";     ///< min | median | rmse: the length that all components get
  std::vector<double> preference;     ///< [T]; empty: the convention's
  std::string precision = "float64";  ///< float64 | float32: ε of the rank tolerance
  void fields(Fields& f);
};

/// Independent component alignment. With M = V Λ Vᵀ and only the r eigenvalues above λ_max · R · ε kept (R rows
/// present),
///   w = σ · V Λ^{−½} Vᵀ · preference,
/// σ² the least kept eigenvalue (min), the lower median of the kept (median), or their mean (rmse): all principal
/// components of the gradients get the same length. Where the eigenvalues can not be computed (M not finite)
/// solver.solved is false and w the preference.
/// Source: Senushkin, Patakin, Kuznetsov, Konushin, Independent Component Alignment for Multi-Task Learning, CVPR 2023,
/// algorithm 1 (the authors' code sums the aligned gradients: preference 1).
class Aligned : public GramWeighting {
 public:
  /// InputError for a preference that is none.
  explicit Aligned(const AlignedOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) override;
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  double scale(size_t dropped) const;
  void combine(size_t dropped, const std::vector<double>& preference, std::vector<double>& w) const;

  std::string scale_mode_;
  Preference preference_;
  bool torchjd_;
  double epsilon_;
  SymmetricEigen eigen_;
};

}  // namespace polytask
