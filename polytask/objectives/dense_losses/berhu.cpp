#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/dense_losses/register.h>

#include <ATen/ATen.h>

#include <limits>

namespace polytask {
namespace {

struct BerhuOptions {
  double share = 0.2;
  void fields(Fields& f) {
    f.field("share", share, "of the batch's greatest error: where the line becomes a square", above(0));
  }
};

/// Reverse Huber: |e| up to c, (e² + c²)/(2c) beyond, c = share · the greatest |e| among the batch's valid pixels
/// (Laina et al. 2016, equations 1 and 2), through which no gradient flows; the mean over valid pixels.
class Berhu : public DenseLoss {
 public:
  explicit Berhu(double share) : share_(share) {}

  at::Tensor forward(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    const Pixels pixels = valid_pixels(output, target, valid);
    if (pixels.empty()) return {};
    const at::Tensor error = (pixels.output - pixels.target).abs();
    const at::Tensor c = (share_ * error.detach().max()).clamp_min(std::numeric_limits<float>::min());
    return at::where(error <= c, error, (error.square() + c * c) / (2 * c)).mean();
  }

 private:
  double share_;
};

}  // namespace

void register_berhu(DenseLossRegistry& losses) {
  losses.add<BerhuOptions>("berhu", "reverse Huber: absolute error, and its square for great errors",
                           "Laina et al. 2016, equations 1 and 2",
                           [](const BerhuOptions& options, int64_t) { return std::make_unique<Berhu>(options.share); });
}

}  // namespace polytask
