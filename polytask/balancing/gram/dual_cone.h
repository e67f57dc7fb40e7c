#pragma once
#include <polytask/balancing/gram/preference.h>
#include <polytask/core/options.h>
#include <polytask/solvers/matrix.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace polytask {

/// Options of the projections onto the cone of directions that oppose no task (upgrad, dualproj). Options given win
/// over the convention's, which are:
/// | convention      | norm_eps | reg_eps |
/// | paper           | 0        | 0       |
/// | torchjd, libmtl | 1e-4     | 1e-4    |
struct DualConeOptions {
  static constexpr const char* kHeads = "own";
  std::string convention = "paper";
  std::vector<double> preference;  ///< [T] u; empty: 1/T each, T counting the tasks present
  std::optional<double> norm_eps;
  std::optional<double> reg_eps;
  void fields(Fields& f);
};

/// What upgrad and dualproj share: u, and the matrix R of their quadratic programs,
///   R = M                                                        where norm_eps = reg_eps = 0 (exact),
///   R = M/tr M + reg_eps·I, or reg_eps·I where tr M < norm_eps   else.
class DualCone {
 public:
  /// InputError for a preference that is none, or a convention unknown to `method`.
  DualCone(const std::string& method, const DualConeOptions& options);
  void setup(const std::vector<TaskInfo>& tasks) const { preference_.setup(tasks); }
  std::vector<double> preference(const std::vector<int64_t>& tasks) const;
  const Matrix& matrix(const Matrix& gram);

 private:
  Preference preference_;
  double norm_eps_, reg_eps_;
  Matrix regularised_;
};

}  // namespace polytask
