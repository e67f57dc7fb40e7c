#include <polytask/core/error.h>
#include <polytask/data/transforms/transforms.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace polytask {
namespace {

struct NoiseOptions {
  double std = 8;
  std::vector<double> limits = {0, 255};
  void fields(Fields& f) {
    f.field("std", std, "standard deviation, in the picture's units (photographs: grey values of 255)", at_least(0));
    f.field("limits", limits,
            "lowest and highest value, which the result is kept within; [] for rasters, which may hold any value");
  }
};

/// Adds Gaussian noise to every value, and keeps the result within the limits.
class Noise : public Transform {
 public:
  explicit Noise(const NoiseOptions& options) : std_(static_cast<float>(options.std)) {
    if (options.limits.empty()) return;
    if (options.limits.size() != 2 || !(options.limits[0] < options.limits[1]))
      throw InputError("noise: limits must be [lowest, highest], or [] for none");
    low_ = static_cast<float>(options.limits[0]);
    high_ = static_cast<float>(options.limits[1]);
  }

  TransformKind kind() const override { return TransformKind::values; }
  at::Tensor apply(const at::Tensor& images, Random& random) const override {
    at::Tensor result = images.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true).contiguous();
    auto* values = result.data_ptr<float>();
    const int64_t count = result.numel();
    for (int64_t i = 0; i < count; i += 2) {
      // Box–Muller, both numbers of a pair, from the halves of one draw.
      const uint64_t bits = random.bits();
      const float u = (static_cast<float>(bits >> 40) + 1) * 0x1.0p-24F;
      const float angle = static_cast<float>(bits & 0xffffff) * (0x1.0p-24F * 2 * static_cast<float>(M_PI));
      const float radius = std_ * std::sqrt(-2 * std::log(u));
      values[i] = noisy(values[i], radius * std::cos(angle));
      if (i + 1 < count) values[i + 1] = noisy(values[i + 1], radius * std::sin(angle));
    }
    return result;
  }

 private:
  float noisy(float value, float noise) const {
    if (value < low_ || value > high_)
      throw InputError("noise: a pixel is {}, outside the limits {} to {}: for rasters set limits: []", value, low_,
                       high_);
    return std::clamp(value + noise, low_, high_);
  }

  float std_;
  float low_ = -std::numeric_limits<float>::infinity(), high_ = std::numeric_limits<float>::infinity();
};

}  // namespace

void register_noise(TransformRegistry& registry) {
  registry.add<NoiseOptions>("noise", "Adds Gaussian noise", "",
                             [](const NoiseOptions& options) { return std::make_unique<Noise>(options); });
}

}  // namespace polytask
