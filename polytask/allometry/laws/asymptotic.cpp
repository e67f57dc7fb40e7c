#include <polytask/allometry/laws/laws.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/exp.h>

#include <cmath>

namespace polytask {
namespace {

class AsymptoticLaw : public Law {
 public:
  AsymptoticLaw()
      : Law("asymptotic", "log B = alpha + beta log(1 - exp(-H / k)), k = k_m", {"alpha", "beta", "k_m"}, true, true) {}

  at::Tensor log_biomass(const at::Tensor& log_height, const std::vector<at::Tensor>& p) const override {
    const at::Tensor rise = -at::exp(log_height).div(p[2]).neg().expm1();
    return p[0] + p[1] * rise.log();
  }
  void columns_at(double log_height, double k, double* values) const override {
    values[0] = std::log(-std::expm1(-std::exp(log_height) / k));
  }
  double log_height_of(double column, double k) const override { return std::log(-k * std::log1p(-std::exp(column))); }
  // Far above the heights it is a power law, far below them a constant.
  std::vector<double> shapes(double lowest, double highest, int count) const override {
    return even_in_logarithm(lowest, 10 * highest, count);
  }
};

}  // namespace

std::unique_ptr<Law> make_asymptotic_law() { return std::make_unique<AsymptoticLaw>(); }

}  // namespace polytask
