#include <polytask/data/transforms/transforms.h>

#include <ATen/ATen.h>

#include <cmath>

namespace polytask {
namespace {

enum Interpolation { kBilinear = 0 };
enum Padding { kZeros = 0, kBorder = 1 };

struct RotateOptions {
  double degrees = 10;
  std::string outside = "black";
  void fields(Fields& f) {
    f.field("degrees", degrees, "largest angle to either side", between(0, 180));
    f.field("outside", outside, "what comes in from outside: black, or the edge's pixels drawn out",
            one_of({"black", "edge"}));
  }
};

/// Turns each picture about its centre by an angle uniform in ±`degrees`, with bilinear interpolation.
class Rotate : public Transform {
 public:
  explicit Rotate(const RotateOptions& options) : options_(options) {}

  TransformKind kind() const override { return TransformKind::resamples; }
  at::Tensor apply(const at::Tensor& images, Random& random) const override {
    const int64_t count = images.size(0);
    const double height = static_cast<double>(images.size(2)), width = static_cast<double>(images.size(3));
    at::Tensor theta = at::zeros({count, 2, 3}, at::kFloat);
    auto matrix = theta.accessor<float, 3>();
    for (int64_t i = 0; i < count; ++i) {
      const double angle = random.uniform(-1, 1) * options_.degrees * M_PI / 180;
      // Grid coordinates run over −1…1 along both axes, so that turning pixels needs the picture's proportions.
      matrix[i][0][0] = matrix[i][1][1] = static_cast<float>(std::cos(angle));
      matrix[i][0][1] = static_cast<float>(-std::sin(angle) * height / width);
      matrix[i][1][0] = static_cast<float>(std::sin(angle) * width / height);
    }
    const at::Tensor grid = at::affine_grid_generator(theta, images.sizes(), /*align_corners=*/false);
    return at::grid_sampler(images.to(at::kFloat), grid, kBilinear, options_.outside == "edge" ? kBorder : kZeros,
                            /*align_corners=*/false);
  }

 private:
  RotateOptions options_;
};

}  // namespace

void register_rotate(TransformRegistry& registry) {
  registry.add<RotateOptions>("rotate", "Turns each picture about its centre by a random angle", "",
                              [](const RotateOptions& options) { return std::make_unique<Rotate>(options); });
}

}  // namespace polytask
