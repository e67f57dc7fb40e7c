#include <polytask/allometry/laws/laws.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

namespace polytask {
namespace {

class QuadraticLaw : public Law {
 public:
  QuadraticLaw()
      : Law("quadratic", "log B = alpha + beta log H + gamma (log H)^2", {"alpha", "beta", "gamma"}, false, false) {}

  at::Tensor log_biomass(const at::Tensor& log_height, const std::vector<at::Tensor>& p) const override {
    return p[0] + log_height * (p[1] + p[2] * log_height);
  }
  void columns_at(double log_height, double, double* values) const override {
    values[0] = log_height;
    values[1] = log_height * log_height;
  }
};

}  // namespace

std::unique_ptr<Law> make_quadratic_law() { return std::make_unique<QuadraticLaw>(); }

}  // namespace polytask
