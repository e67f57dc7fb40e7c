#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/dense_losses/register.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/softmax.h>

namespace polytask {
namespace {

struct DiceOptions {
  bool per_class = false;
  double epsilon = 1e-6;
  void fields(Fields& f) {
    f.field("per_class", per_class,
            "true: a ratio for each class that the batch's targets hold, and their mean, so that rare classes count as "
            "much as common ones; false: one ratio over all classes");
    f.field("epsilon", epsilon, "added to numerator and denominator", above(0));
  }
};

/// 1 − (2 Σ p y + ε)/(Σ p + Σ y + ε), p the softmax probabilities, y the targets as 0 and 1, over all valid pixels of
/// the batch together (milesial's Pytorch-UNet, utils/dice_score.py: one ratio over batch, classes and pixels).
class Dice : public DenseLoss {
 public:
  explicit Dice(const DiceOptions& options) : options_(options) {}

  at::Tensor forward(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    const Pixels pixels = valid_pixels(output, target, valid);
    if (pixels.empty()) return {};
    const at::Tensor p = at::softmax(pixels.output, 1);                                       // [n, C]
    const at::Tensor truth = pixels.target.bincount({}, output.size(1)).to(p.scalar_type());  // [C]
    if (options_.per_class) {
      const at::Tensor hits = (p * at::one_hot(pixels.target, output.size(1))).sum(0);  // [C]
      return loss(hits, p.sum(0) + truth).masked_select(truth > 0).mean();
    }
    return loss(p.gather(1, pixels.target.unsqueeze(1)).sum(), p.sum() + truth.sum());
  }

 private:
  at::Tensor loss(const at::Tensor& overlap, const at::Tensor& total) const {
    return 1 - (2 * overlap + options_.epsilon) / (total + options_.epsilon);
  }

  DiceOptions options_;
};

}  // namespace

void register_dice(DenseLossRegistry& losses) {
  losses.add<DiceOptions>("dice", "1 − twice the overlap of probabilities and targets over the sum of both",
                          "Milletari et al. 2016, section 3, without squares",
                          [](const DiceOptions& options, int64_t) { return std::make_unique<Dice>(options); });
}

}  // namespace polytask
