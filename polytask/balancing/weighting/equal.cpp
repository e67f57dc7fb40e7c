#include <polytask/balancing/weighting/equal.h>
#include <polytask/balancing/weighting/register.h>
#include <polytask/balancing/weighting/tasks.h>

#include <memory>
#include <utility>

namespace polytask {

void EqualOptions::fields(Fields& f) {
  f.field("convention", convention, "whose defaults: paper and libmtl give every task 1, torchjd 1/T",
          one_of({"paper", "libmtl", "torchjd"}));
  f.field("normalize", normalize, "sum: every weight is 1; mean: 1/(tasks present); default: the convention's",
          one_of({"sum", "mean"}));
}

Equal::Equal(const EqualOptions& options)
    : mean_(options.normalize.value_or(options.convention == "torchjd" ? "mean" : "sum") == "mean") {}

Weights Equal::weigh(const LossState& state, bool) {
  const auto tasks = present_tasks(state);
  std::vector<double> w(state.losses.size(), 0.0);
  for (size_t t : tasks) w[t] = mean_ ? 1.0 / static_cast<double>(tasks.size()) : 1.0;
  return weighted_sum(state, std::move(w));
}

void register_equal(BalancerRegistry& registry) {
  add_loss_weighting<EqualOptions>(registry, "equal", "Every task's loss counts the same", "w_t = 1 (EW)",
                                   [](const EqualOptions& options) { return std::make_unique<Equal>(options); });
}

}  // namespace polytask
