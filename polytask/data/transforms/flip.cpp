#include <polytask/data/transforms/transforms.h>

#include <ATen/ATen.h>

#include <vector>

namespace polytask {
namespace {

struct FlipOptions {
  double horizontal = 0.5;
  double vertical = 0;
  void fields(Fields& f) {
    f.field("horizontal", horizontal, "probability of exchanging left and right", between(0, 1));
    f.field("vertical", vertical, "probability of exchanging top and bottom", between(0, 1));
  }
};

/// Mirrors some of the pictures.
class Flip : public Transform {
 public:
  explicit Flip(const FlipOptions& options) : options_(options) {}

  TransformKind kind() const override { return TransformKind::moves; }
  at::Tensor apply(const at::Tensor& images, Random& random) const override {
    std::vector<int64_t> across, upside_down;
    for (int64_t i = 0; i < images.size(0); ++i) {
      if (random.uniform() < options_.horizontal) across.push_back(i);
      if (random.uniform() < options_.vertical) upside_down.push_back(i);
    }
    at::Tensor result = images.clone();
    mirror(result, across, 3);
    mirror(result, upside_down, 2);
    return result;
  }

 private:
  static void mirror(at::Tensor& images, const std::vector<int64_t>& chosen, int64_t dimension) {
    if (chosen.empty()) return;
    const at::Tensor rows = at::tensor(chosen, at::kLong);
    images.index_copy_(0, rows, images.index_select(0, rows).flip({dimension}));
  }

  FlipOptions options_;
};

}  // namespace

void register_flip(TransformRegistry& registry) {
  registry.add<FlipOptions>("flip", "Mirrors pictures with a probability, left to right or top to bottom", "",
                            [](const FlipOptions& options) { return std::make_unique<Flip>(options); });
}

}  // namespace polytask
