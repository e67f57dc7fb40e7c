#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>

#include <cstdint>
#include <vector>

namespace polytask {

struct KrumOptions {
  static constexpr const char* kHeads = "own";
  int64_t n_byzantine = 0;  ///< gradients that may be anything
  int64_t n_selected = 1;   ///< gradients averaged
  void fields(Fields& f);
};

/// Krum, and with n_selected > 1 multi-Krum: the mean of the gradients that are nearest to their neighbours. The score
/// of row i of R is the sum of its R − n_byzantine − 2 smallest distances ‖g_i − g_j‖, j ≠ i (one at least); the
/// n_selected rows of least score (all, where fewer are present) have weight 1/selected, the others 0. Of equal scores
/// the earlier row is taken.
/// Source: Blanchard, El Mhamdi, Guerraoui, Stainer, Machine Learning with Adversaries, NeurIPS 2017.
class Krum : public GramWeighting {
 public:
  explicit Krum(const KrumOptions& options);
  /// InputError where n_byzantine > 0 leaves no neighbour to compare with (T < n_byzantine + 3), or n_selected > T.
  void setup(const std::vector<TaskInfo>& tasks) override;
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  double score(const Matrix& gram, int64_t row);

  int64_t n_byzantine_, n_selected_;
  std::vector<double> distances_, scores_;
};

}  // namespace polytask
