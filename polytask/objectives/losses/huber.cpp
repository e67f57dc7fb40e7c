#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/losses/register.h>

#include <ATen/core/Reduction.h>
#include <ATen/ops/huber_loss.h>

namespace polytask {
namespace {

struct HuberOptions {
  double delta = 1;
  void fields(Fields& f) {
    f.field("delta", delta, "error at which the square becomes a line (in standard deviations where standardised)",
            above(0));
  }
};

class Huber : public Loss {
 public:
  explicit Huber(double delta) : delta_(delta) {}
  at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const override {
    return at::huber_loss(output, target, at::Reduction::None, delta_);
  }

 private:
  double delta_;
};

const char* const kSummary = "½ e² up to delta, delta (|e| − ½ delta) beyond";

}  // namespace

void register_huber(LossRegistry& losses) {
  losses.add<HuberOptions>("huber", kSummary, "Huber 1964",
                           [](const HuberOptions& options, int64_t) { return std::make_unique<Huber>(options.delta); });
}

void register_huber(DenseLossRegistry& losses) {
  losses.add<HuberOptions>("huber", kSummary, "Huber 1964", [](const HuberOptions& options, int64_t) {
    return over_pixels(std::make_unique<Huber>(options.delta));
  });
}

}  // namespace polytask
