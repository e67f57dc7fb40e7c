#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/dense_losses/register.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

struct SilogOptions {
  double lambda = 0.85;
  bool root = true;
  bool unbiased = true;
  double epsilon = 1e-3;
  void fields(Fields& f) {
    f.field("lambda", lambda,
            "how much of an error common to all pixels is forgiven: 0 none (squared log error), 1 all of it",
            between(0, 1));
    f.field("root", root, "take the square root; false: as in the paper");
    f.field("unbiased", unbiased, "divide the variance by n - 1 instead of n (pixels of the batch)");
    f.field("epsilon", epsilon,
            "added to both values before the logarithm, in the unit in which they are learnt: with standardise, the "
            "standard deviation of the training labels",
            above(0));
  }
};

/// Scale-invariant logarithmic error, g = log(p + ε) − log(t + ε) over the valid pixels of the batch whose target is
/// above 0: √(var g + (1 − λ) mean(g)²). Of Eigen et al. 2014, equation 4, which is mean g² − λ mean(g)² with λ ½:
/// `root: false, unbiased: false, lambda: 0.5`; the defaults are DINOv2's SigLoss (facebookresearch/dinov2, hub/depth,
/// warm-up left out). Outputs below 0 count as 0, as after the ReLU there, and get no gradient: the loss is for tasks
/// whose values are positive as they are learnt.
class Silog : public DenseLoss {
 public:
  explicit Silog(const SilogOptions& options) : options_(options) {}

  at::Tensor forward(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    const at::Tensor positive = target > 0;
    const Pixels pixels = valid_pixels(output, target, valid.defined() ? positive.logical_and(valid) : positive);
    if (pixels.empty()) return {};
    const at::Tensor p = pixels.output.clamp_min(0) + options_.epsilon;
    const at::Tensor g = (p.log() - (pixels.target + options_.epsilon).log()).view(-1);
    const at::Tensor variance = g.var(0, /*unbiased=*/options_.unbiased && g.size(0) > 1);
    const at::Tensor error = variance + (1 - options_.lambda) * g.mean().square();
    // Away from 0, where the root has no finite derivative.
    return options_.root ? error.clamp_min(1e-12).sqrt() : error;
  }
  bool leaves_out_negatives() const override { return true; }

 private:
  SilogOptions options_;
};

}  // namespace

void register_silog(DenseLossRegistry& losses) {
  losses.add<SilogOptions>("silog", "scale-invariant error of logarithms, for positive values",
                           "Eigen et al. 2014, equation 4; defaults as DINOv2's SigLoss",
                           [](const SilogOptions& options, int64_t) { return std::make_unique<Silog>(options); });
}

}  // namespace polytask
