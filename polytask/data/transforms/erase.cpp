#include <polytask/core/error.h>
#include <polytask/data/transforms/transforms.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

struct EraseOptions {
  double probability = 0.5;
  double size = 0.25;
  double fill = 0;
  void fields(Fields& f) {
    f.field("probability", probability, "probability that a picture loses a square", between(0, 1));
    f.field("size", size, "largest side of the square, share of the picture's shorter side", between(0, 1));
    f.field("fill", fill, "value of the square, in the picture's units (photographs: a grey value of 0…255)");
  }
};

/// Blanks a square of random side and place in some of the pictures.
class Erase : public Transform {
 public:
  explicit Erase(const EraseOptions& options) : options_(options) {}

  TransformKind kind() const override { return TransformKind::values; }
  at::Tensor apply(const at::Tensor& images, Random& random) const override {
    if (images.scalar_type() == at::kByte && !(options_.fill >= 0 && options_.fill <= 255))
      throw InputError("erase: fill: {} is no grey value of 0…255", options_.fill);
    at::Tensor result = images.clone();
    const int64_t height = images.size(2), width = images.size(3);
    const auto shorter = static_cast<double>(std::min(height, width));
    const auto longest = std::max<int64_t>(1, std::llround(options_.size * shorter));
    for (int64_t i = 0; i < images.size(0); ++i) {
      if (random.uniform() >= options_.probability) continue;
      const int64_t side = 1 + random.below(longest);
      const int64_t top = random.below(height - side + 1), left = random.below(width - side + 1);
      result[i].narrow(1, top, side).narrow(2, left, side).fill_(options_.fill);
    }
    return result;
  }

 private:
  EraseOptions options_;
};

}  // namespace

void register_erase(TransformRegistry& registry) {
  registry.add<EraseOptions>("erase", "Blanks a square in some of the pictures (cutout)",
                             "DeVries and Taylor 2017, arXiv 1708.04552",
                             [](const EraseOptions& options) { return std::make_unique<Erase>(options); });
}

}  // namespace polytask
