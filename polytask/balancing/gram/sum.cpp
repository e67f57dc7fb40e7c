#include <polytask/balancing/gram/options.h>
#include <polytask/balancing/gram/register.h>
#include <polytask/balancing/gram/sum.h>

#include <memory>

namespace polytask {

GramWeights SumWeighting::weigh(const GramState& gram, const LossState&) {
  GramWeights weights;
  weights.w.assign(static_cast<size_t>(gram.rows()), 1.0);
  return weights;
}

void register_sum(BalancerRegistry& registry) {
  add_gram_weighting<PlainGramOptions>(registry, "sum", "The sum of the task gradients", "w_t = 1",
                                       [](const PlainGramOptions&) { return std::make_unique<SumWeighting>(); });
}

}  // namespace polytask
