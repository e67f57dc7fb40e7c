#include <polytask/balancing/gram/fairgrad.h>
#include <polytask/balancing/gram/norm_clip.h>
#include <polytask/balancing/gram/register.h>

#include <memory>

namespace polytask {

void FairGradOptions::fields(Fields& f) {
  f.field(
      "convention", convention,
      "whose defaults for rescale and max_norm: paper, libmtl, torchjd none and 0, official tasks and 1; torchjd and "
      "official leave heads unweighted",
      one_of({"paper", "libmtl", "torchjd", "official"}));
  f.field("alpha", alpha, "kind of fairness: 1 proportional, 2 least total delay, large: max-min", above(0));
  f.field("rescale", rescale, "tasks: the direction times the number of tasks; default: the convention's, none",
          one_of({"none", "tasks"}));
  f.field("max_norm", max_norm, "largest norm of the shared direction, 0: no bound; default: the convention's, 0",
          at_least(0));
}

FairGrad::FairGrad(const FairGradOptions& options)
    : power_(1 / options.alpha),
      times_rows_(options.rescale.value_or(options.convention == "official" ? "tasks" : "none") == "tasks"),
      max_norm_(options.max_norm.value_or(options.convention == "official" ? 1 : 0)),
      heads_(options.convention == "paper" || options.convention == "libmtl" ? HeadGradient::weighted
                                                                             : HeadGradient::own) {}

GramWeights FairGrad::weigh(const GramState& gram, const LossState&) {
  GramWeights weights;
  weights.solver = solver_.solve(gram.gram, power_, weights.w);
  weights.shown["solution"] = weights.w;
  if (heads_ == HeadGradient::weighted) weights.heads = head_weights(weights.w);
  if (times_rows_)
    for (double& w : weights.w) w *= static_cast<double>(gram.rows());
  const double factor = clip_factor(gram.gram, weights.w, max_norm_);
  for (double& w : weights.w) w *= factor;
  return weights;
}

void register_fairgrad(BalancerRegistry& registry) {
  add_gram_weighting<FairGradOptions>(
      registry, "fairgrad", "The α-fair allocation of each task's gain (FairGrad)",
      "Ban, Ji, Fair Resource Allocation in Multi-Task Learning, ICML 2024",
      [](const FairGradOptions& options) { return std::make_unique<FairGrad>(options); });
}

}  // namespace polytask
