#include <polytask/allometry/laws/laws.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

class SegmentedLaw : public Law {
 public:
  SegmentedLaw()
      : Law("segmented", "log B = alpha + beta log H + delta max(0, log H - log H0), H0 = knot_m",
            {"alpha", "beta", "delta", "knot_m"}, true, false) {}

  at::Tensor log_biomass(const at::Tensor& log_height, const std::vector<at::Tensor>& p) const override {
    return p[0] + p[1] * log_height + p[2] * (log_height - p[3].log()).clamp_min(0);
  }
  void columns_at(double log_height, double knot, double* values) const override {
    values[0] = log_height;
    values[1] = std::max(0.0, log_height - std::log(knot));
  }
  // Strictly between the heights: at either end the second segment is empty or all there is.
  std::vector<double> shapes(double lowest, double highest, int count) const override {
    auto values = even_in_logarithm(lowest, highest, count + 2);
    return {values.begin() + 1, values.end() - 1};
  }
};

}  // namespace

std::unique_ptr<Law> make_segmented_law() { return std::make_unique<SegmentedLaw>(); }

}  // namespace polytask
