#include <polytask/data/transforms/transforms.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

struct NoiseOptions {
  double std = 8;
  void fields(Fields& f) { f.field("std", std, "standard deviation, grey values of 255", at_least(0)); }
};

/// Adds Gaussian noise to every value, and keeps the result within 0…255.
class Noise : public Transform {
 public:
  explicit Noise(const NoiseOptions& options) : std_(static_cast<float>(options.std)) {}

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
      values[i] = std::clamp(values[i] + radius * std::cos(angle), 0.0F, 255.0F);
      if (i + 1 < count) values[i + 1] = std::clamp(values[i + 1] + radius * std::sin(angle), 0.0F, 255.0F);
    }
    return result;
  }

 private:
  float std_;
};

}  // namespace

void register_noise(TransformRegistry& registry) {
  registry.add<NoiseOptions>("noise", "Adds Gaussian noise", "",
                             [](const NoiseOptions& options) { return std::make_unique<Noise>(options); });
}

}  // namespace polytask
