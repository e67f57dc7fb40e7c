#pragma once
#include <polytask/balancing/gram_weighting.h>
#include <polytask/core/options.h>

#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options given win over the convention's, which are:
/// | convention    | eps  | reduction | self    | order  |
/// | paper         | 0    | sum       | skip    | own    |
/// | libmtl        | 1e-8 | sum       | include | own    |
/// | torchjd       | 0    | sum       | skip    | own    |
/// | nash          | 0    | sum       | include | own    |
/// | weichengtseng | 0    | mean      | include | own    |
/// | samsung       | 1e-5 | sum       | include | shared |
/// weichengtseng is github.com/WeiChengTseng/Pytorch-PCGrad, whose every reduction is the mean.
struct PCGradOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::optional<double> eps;             ///< added to ‖g_j‖²
  std::optional<std::string> reduction;  ///< sum | mean of the projected gradients
  std::optional<std::string> self;       ///< skip | include: whether p_i is projected on g_i as well
  std::optional<std::string> order;      ///< own | shared: an order for each task, or one for all
  void fields(Fields& f);
};

/// Projecting conflicting gradients. p_i = g_i; for every j in a random order,
///   where p_iᵀg_j < 0:  p_i −= p_iᵀg_j / (‖g_j‖² + eps) · g_j,
/// and the step is Σ p_i. Carried out on coefficients c, p_i = Gᵀc, whose products with all rows are Mc: T³ operations.
/// Orders are drawn from "pcgrad/order", a permutation of the rows for each row in turn; an entry i in the order of i
/// is passed over, or is a projection like the others (`self`). A zero row is in conflict with nothing. WorkError
/// without draws where there are two rows or more. Source: Yu et al., Gradient Surgery for Multi-Task Learning, NeurIPS
/// 2020, algorithm 1.
class PCGrad : public GramWeighting {
 public:
  explicit PCGrad(const PCGradOptions& options);
  GramWeights weigh(const GramState& gram, const LossState& state) override;

 private:
  void project(const Matrix& m, int64_t row, const std::vector<int64_t>& order);

  double eps_;
  bool mean_, include_self_, shared_order_;
  std::vector<double> c_, products_;  // of the row at hand: p = Gᵀc, products = M c
};

}  // namespace polytask
