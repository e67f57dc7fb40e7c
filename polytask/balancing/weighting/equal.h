#pragma once
#include <polytask/balancing/method.h>
#include <polytask/core/options.h>

#include <optional>
#include <string>

namespace polytask {

struct EqualOptions {
  /// paper, libmtl: w = 1; torchjd: w = 1/T, its Mean.
  std::string convention = "paper";
  /// sum: w = 1; mean: w = 1/(tasks present). Default: the convention's.
  std::optional<std::string> normalize;
  void fields(Fields& f);
};

/// Every loss counts the same.
class Equal : public LossWeighting {
 public:
  explicit Equal(const EqualOptions& options);
  Weights weigh(const LossState& state, bool train) override;

 private:
  bool mean_;
};

}  // namespace polytask
