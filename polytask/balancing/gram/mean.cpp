#include <polytask/balancing/gram/mean.h>
#include <polytask/balancing/gram/options.h>
#include <polytask/balancing/gram/register.h>

#include <memory>

namespace polytask {

GramWeights MeanWeighting::weigh(const GramState& gram, const LossState&) {
  GramWeights weights;
  weights.w.assign(static_cast<size_t>(gram.rows()), 1.0 / static_cast<double>(gram.rows()));
  return weights;
}

void register_mean(BalancerRegistry& registry) {
  add_gram_weighting<PlainGramOptions>(registry, "mean", "The mean of the task gradients", "w_t = 1/T",
                                       [](const PlainGramOptions&) { return std::make_unique<MeanWeighting>(); });
}

}  // namespace polytask
