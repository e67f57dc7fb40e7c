#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/losses/class_weights.h>
#include <polytask/objectives/losses/register.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>

#include <limits>

namespace polytask {
namespace {

struct FocalOptions {
  double gamma = 2;
  Node class_weights;

  void fields(Fields& f) {
    f.field("gamma", gamma, "how strongly well-classified samples are weighed down; 0 is cross entropy", at_least(0));
    f.field("class_weights", class_weights,
            "list of one weight per class, or balanced (inverse to the training counts, mean 1 per sample)");
  }
};

class Focal : public Loss {
 public:
  Focal(const FocalOptions& options, int64_t classes)
      : gamma_(options.gamma), weights_(class_weights_of(options.class_weights, classes)) {}

  at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const override {
    const at::Tensor log_p = at::log_softmax(output, 1).gather(1, target.unsqueeze(1)).squeeze(1);  // [B]
    // Away from 0, where the power has no finite derivative for gamma < 1.
    const at::Tensor missed = (-log_p.expm1()).clamp_min(std::numeric_limits<float>::min());
    return -missed.pow(gamma_) * log_p;
  }

  at::Tensor sample_weights(const at::Tensor& target) const override { return weights_of_targets(weights_, target); }
  bool leaves_out_samples() const override { return has_zero_weight(weights_); }

 private:
  double gamma_;
  at::Tensor weights_;  // double [C] or undefined
};

const char* const kSummary =
    "−(1 − p)^gamma log p, p the softmax probability of the true class; weighted mean as in cross_entropy";
const char* const kSource = "Lin et al. 2017, equation 4";

}  // namespace

void register_focal(LossRegistry& losses) {
  losses.add<FocalOptions>("focal", kSummary, kSource, [](const FocalOptions& options, int64_t classes) {
    return std::make_unique<Focal>(options, classes);
  });
}

void register_focal(DenseLossRegistry& losses) {
  losses.add<FocalOptions>("focal", kSummary, kSource, [](const FocalOptions& options, int64_t classes) {
    return over_pixels(std::make_unique<Focal>(options, classes));
  });
}

}  // namespace polytask
