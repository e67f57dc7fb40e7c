#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/losses/class_weights.h>
#include <polytask/objectives/losses/register.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log_softmax.h>

namespace polytask {
namespace {

struct CrossEntropyOptions {
  double label_smoothing = 0;
  Node class_weights;

  void fields(Fields& f) {
    Range smoothing = between(0, 1);
    smoothing.max_open = true;
    f.field("label_smoothing", label_smoothing, "share of the target spread evenly over all classes", smoothing);
    f.field("class_weights", class_weights,
            "list of one weight per class, or balanced (inverse to the training counts, mean 1 per sample)");
  }
};

class CrossEntropy : public Loss {
 public:
  CrossEntropy(const CrossEntropyOptions& options, int64_t classes)
      : smoothing_(options.label_smoothing), weights_(class_weights_of(options.class_weights, classes)) {
    // The smoothed part of a sample is divided by its own weight here, so that the weighted mean restores it.
    if (smoothing_ > 0 && has_zero_weight(weights_))
      throw InputError("{}: a class weight of 0 does not go with label_smoothing; it must be above 0",
                       options.class_weights.where());
  }

  at::Tensor forward(const at::Tensor& output, const at::Tensor& target) const override {
    if (smoothing_ == 0) return at::cross_entropy_loss(output, target, {}, at::Reduction::None);
    const at::Tensor log_p = at::log_softmax(output, 1);  // [B, C]
    const at::Tensor hard = -log_p.gather(1, target.unsqueeze(1)).squeeze(1);
    return (1 - smoothing_) * hard + smoothing_ * spread(log_p, target);
  }

  at::Tensor sample_weights(const at::Tensor& target) const override { return weights_of_targets(weights_, target); }
  bool leaves_out_samples() const override { return has_zero_weight(weights_); }

 private:
  // [B]: the mean over all classes of w_c / w_target · −log p_c.
  at::Tensor spread(const at::Tensor& log_p, const at::Tensor& target) const {
    if (!weights_.defined()) return -log_p.mean(1);
    const at::Tensor weights = weights_.to(log_p.options());
    return -(log_p * weights).mean(1) / weights.index_select(0, target);
  }

  double smoothing_;
  at::Tensor weights_;  // double [C] or undefined
};

const char* const kSummary =
    "−log of the softmax probability of the true class; the mean divides by the sum of the weights";
const char* const kSource = "label smoothing: Szegedy et al. 2016, section 7";

}  // namespace

void register_cross_entropy(LossRegistry& losses) {
  losses.add<CrossEntropyOptions>("cross_entropy", kSummary, kSource,
                                  [](const CrossEntropyOptions& options, int64_t classes) {
                                    return std::make_unique<CrossEntropy>(options, classes);
                                  });
}

void register_cross_entropy(DenseLossRegistry& losses) {
  losses.add<CrossEntropyOptions>("cross_entropy", kSummary, kSource,
                                  [](const CrossEntropyOptions& options, int64_t classes) {
                                    return over_pixels(std::make_unique<CrossEntropy>(options, classes));
                                  });
}

}  // namespace polytask
