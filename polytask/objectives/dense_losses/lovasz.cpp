#include <polytask/objectives/dense_losses/pixels.h>
#include <polytask/objectives/dense_losses/register.h>

#include <ATen/ATen.h>

#include <vector>

namespace polytask {
namespace {

// The weights of the errors, greatest first: the step by which each lowers the Jaccard index of the class. `truth`: 0
// and 1 in that order, double [n] (Berman et al. 2018, algorithm 1).
at::Tensor jaccard_steps(const at::Tensor& truth) {
  const at::Tensor total = truth.sum();
  const at::Tensor loss = 1 - (total - truth.cumsum(0)) / (total + (1 - truth).cumsum(0));
  return at::cat({loss.narrow(0, 0, 1), loss.narrow(0, 1, loss.size(0) - 1) - loss.narrow(0, 0, loss.size(0) - 1)});
}

/// The Lovász extension of 1 − intersection over union on softmax probabilities, over all valid pixels of the batch
/// together; the mean over the classes that the targets hold (Berman et al. 2018, equations 8, 9 and section 3.1).
class Lovasz : public DenseLoss {
 public:
  at::Tensor forward(const at::Tensor& output, const at::Tensor& target, const at::Tensor& valid) const override {
    const Pixels pixels = valid_pixels(output, target, valid);
    if (pixels.empty()) return {};
    const at::Tensor p = at::softmax(pixels.output, 1);  // [n, C]
    const at::Tensor counts = pixels.target.bincount({}, output.size(1)).cpu();
    std::vector<at::Tensor> losses;
    for (int64_t c = 0; c < counts.size(0); ++c)
      if (counts[c].item<int64_t>() > 0) losses.push_back(loss_of(p.select(1, c), pixels.target.eq(c)));
    return at::stack(losses).mean();
  }

 private:
  static at::Tensor loss_of(const at::Tensor& p, const at::Tensor& truth) {
    const at::Tensor errors = (truth.to(p.scalar_type()) - p).abs();
    const auto [sorted, order] = errors.sort(/*stable=*/true, 0, /*descending=*/true);
    const at::Tensor steps = jaccard_steps(truth.index_select(0, order).to(at::kDouble));
    return sorted.dot(steps.to(sorted.scalar_type()));
  }
};

}  // namespace

void register_lovasz(DenseLossRegistry& losses) {
  losses.add<NoOptions>("lovasz", "Lovász-softmax: a convex stand-in for 1 − the mean intersection over union",
                        "Berman et al. 2018, section 3",
                        [](const NoOptions&, int64_t) { return std::make_unique<Lovasz>(); });
}

}  // namespace polytask
