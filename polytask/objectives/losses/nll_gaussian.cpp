#include <polytask/objectives/losses/register.h>

namespace polytask {
namespace {

struct NllGaussianOptions {
  std::vector<double> log_variance_range = {-10, 10};
  void fields(Fields& f) {
    f.field("log_variance_range", log_variance_range,
            "lowest and highest log-variance; beyond, the output is clamped and gets no gradient");
  }
};

/// Output [B, 2K]: K means, then K log-variances.
class NllGaussian : public Loss {
 public:
  explicit NllGaussian(const NllGaussianOptions& options) {
    const auto& range = options.log_variance_range;
    if (range.size() != 2 || !(range[0] < range[1]))
      throw InputError("nll_gaussian: log_variance_range must be two numbers, the lower first");
    low_ = range[0];
    high_ = range[1];
  }

  at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const override {
    const std::vector<at::Tensor> halves = output.chunk(2, 1);
    const at::Tensor log_variance = halves[1].clamp(low_, high_);
    return 0.5 * (log_variance + (halves[0] - target).square() * (-log_variance).exp());
  }

  int64_t outputs_per_target() const override { return 2; }

 private:
  double low_ = 0, high_ = 0;
};

}  // namespace

void register_nll_gaussian(LossRegistry& losses) {
  losses.add<NllGaussianOptions>(
      "nll_gaussian",
      "negative log-likelihood of a normal distribution, ½ (s + e² exp(−s)), s the predicted log-variance",
      "Nix and Weigend 1994, equation 5, without its constant",
      [](const NllGaussianOptions& options, int64_t) { return std::make_unique<NllGaussian>(options); });
}

}  // namespace polytask
