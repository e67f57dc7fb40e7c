#include <polytask/core/error.h>
#include <polytask/data/transforms/transforms.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

struct BrightnessContrastOptions {
  double brightness = 0.1;
  double contrast = 0.1;
  void fields(Fields& f) {
    f.field("brightness", brightness, "largest change of brightness to either side, share of 255", between(0, 1));
    f.field("contrast", contrast, "largest change of contrast to either side, as a share", between(0, 1));
  }
};

/// x → mean + (1 + c)(x − mean) + 255 b, with c and b uniform for each picture and `mean` its own; kept within 0…255.
/// Values outside of 0…255 are an error.
class BrightnessContrast : public Transform {
 public:
  explicit BrightnessContrast(const BrightnessContrastOptions& options) : options_(options) {}

  TransformKind kind() const override { return TransformKind::values; }
  at::Tensor apply(const at::Tensor& images, Random& random) const override {
    const int64_t count = images.size(0);
    at::Tensor gain = at::empty({count, 1, 1, 1}, at::kFloat), offset = at::empty({count, 1, 1, 1}, at::kFloat);
    for (int64_t i = 0; i < count; ++i) {
      gain.data_ptr<float>()[i] = static_cast<float>(1 + options_.contrast * random.uniform(-1, 1));
      offset.data_ptr<float>()[i] = static_cast<float>(255 * options_.brightness * random.uniform(-1, 1));
    }
    const at::Tensor values = images.to(at::kFloat);
    if (!values.ge(0).logical_and_(values.le(255)).all().item<bool>())
      throw InputError(
          "brightness_contrast: a pixel is outside of 0…255 or missing: it is for photographs, not for rasters");
    const at::Tensor mean = values.mean({1, 2, 3}, /*keepdim=*/true);
    return (values * gain).add_(mean * (1 - gain) + offset).clamp_(0, 255);
  }

 private:
  BrightnessContrastOptions options_;
};

}  // namespace

void register_brightness_contrast(TransformRegistry& registry) {
  registry.add<BrightnessContrastOptions>(
      "brightness_contrast",
      "Changes brightness and contrast of each picture a little; for photographs (0…255), not for rasters", "",
      [](const BrightnessContrastOptions& options) { return std::make_unique<BrightnessContrast>(options); });
}

}  // namespace polytask
