#include <polytask/allometry/laws/laws.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

namespace polytask {
namespace {

class PowerLaw : public Law {
 public:
  PowerLaw() : Law("power", "log B = alpha + beta log H", {"alpha", "beta"}, false, true) {}

  at::Tensor log_biomass(const at::Tensor& log_height, const std::vector<at::Tensor>& p) const override {
    return p[0] + p[1] * log_height;
  }
  void columns_at(double log_height, double, double* values) const override { values[0] = log_height; }
};

}  // namespace

std::unique_ptr<Law> make_power_law() { return std::make_unique<PowerLaw>(); }

}  // namespace polytask
