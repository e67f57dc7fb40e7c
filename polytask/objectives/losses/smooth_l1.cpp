#include <polytask/objectives/losses/register.h>

#include <ATen/core/Reduction.h>
#include <ATen/ops/smooth_l1_loss.h>

namespace polytask {
namespace {

struct SmoothL1Options {
  double beta = 1;
  void fields(Fields& f) {
    f.field("beta", beta, "error at which the square becomes a line (in standard deviations where standardised)",
            above(0));
  }
};

class SmoothL1 : public Loss {
 public:
  explicit SmoothL1(double beta) : beta_(beta) {}
  at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const override {
    return at::smooth_l1_loss(output, target, at::Reduction::None, beta_);
  }

 private:
  double beta_;
};

}  // namespace

void register_smooth_l1(LossRegistry& losses) {
  losses.add<SmoothL1Options>(
      "smooth_l1", "½ e² / beta up to beta, |e| − ½ beta beyond", "Girshick 2015, equation 3",
      [](const SmoothL1Options& options, int64_t) { return std::make_unique<SmoothL1>(options.beta); });
}

}  // namespace polytask
