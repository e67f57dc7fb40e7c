#include <polytask/data/transforms/transforms.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

namespace polytask {
namespace {

struct ShiftOptions {
  int64_t pixels = 2;
  double fill = 0;
  void fields(Fields& f) {
    f.field("pixels", pixels, "farthest shift in either direction, pixels", at_least(1));
    f.field("fill", fill, "grey value of what comes in from outside", between(0, 255));
  }
};

/// Moves each picture by whole pixels, up to `pixels` along each axis, uniformly.
class Shift : public Transform {
 public:
  explicit Shift(const ShiftOptions& options) : options_(options) {}

  TransformKind kind() const override { return TransformKind::resamples; }
  at::Tensor apply(const at::Tensor& images, Random& random) const override {
    const at::Tensor from = images.contiguous();
    at::Tensor to = at::full_like(from, options_.fill);
    for (int64_t i = 0; i < from.size(0); ++i) {
      const int64_t down = random.below(2 * options_.pixels + 1) - options_.pixels;
      const int64_t right = random.below(2 * options_.pixels + 1) - options_.pixels;
      move(from[i], to[i], down, right);
    }
    return to;
  }

 private:
  // Row by row, so that a sample costs a few small copies and no tensor operation.
  static void move(const at::Tensor& from, const at::Tensor& to, int64_t down, int64_t right) {  // [C, H, W]
    const int64_t height = from.size(1), width = from.size(2), bytes = from.element_size();
    const int64_t columns = width - std::abs(right);
    if (columns <= 0) return;
    const auto* source = static_cast<const char*>(from.data_ptr());
    auto* target = static_cast<char*>(to.data_ptr());
    for (int64_t c = 0; c < from.size(0); ++c) {
      for (int64_t y = std::max<int64_t>(0, down); y < std::min(height, height + down); ++y) {
        const int64_t out = (c * height + y) * width + std::max<int64_t>(0, right);
        const int64_t in = (c * height + y - down) * width + std::max<int64_t>(0, -right);
        std::memcpy(target + out * bytes, source + in * bytes, static_cast<size_t>(columns * bytes));
      }
    }
  }

  ShiftOptions options_;
};

}  // namespace

void register_shift(TransformRegistry& registry) {
  registry.add<ShiftOptions>("shift", "Moves each picture by a few whole pixels", "",
                             [](const ShiftOptions& options) { return std::make_unique<Shift>(options); });
}

}  // namespace polytask
