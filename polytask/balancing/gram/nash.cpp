#include <polytask/balancing/gram/nash.h>
#include <polytask/balancing/gram/norm_clip.h>
#include <polytask/balancing/gram/register.h>

#include <memory>

namespace polytask {

void NashOptions::fields(Fields& f) {
  f.field("convention", convention,
          "whose default for max_norm: paper 0, libmtl, nash and torchjd 1; torchjd leaves heads unweighted",
          one_of({"paper", "libmtl", "nash", "torchjd"}));
  f.field("max_norm", max_norm, "largest norm of the shared direction, 0: no bound; default: the convention's, 0",
          at_least(0));
}

Nash::Nash(const NashOptions& options)
    : max_norm_(options.max_norm.value_or(options.convention == "paper" ? 0 : 1)),
      heads_(options.convention == "torchjd" ? HeadGradient::own : HeadGradient::weighted) {}

GramWeights Nash::weigh(const GramState& gram, const LossState&) {
  GramWeights weights;
  weights.solver = solver_.solve(gram.gram, 1, weights.w);
  weights.shown["alpha"] = weights.w;
  if (heads_ == HeadGradient::weighted) weights.heads = head_weights(weights.w);
  const double factor = clip_factor(gram.gram, weights.w, max_norm_);
  for (double& w : weights.w) w *= factor;
  return weights;
}

void register_nash(BalancerRegistry& registry) {
  add_gram_weighting<NashOptions>(registry, "nash",
                                  "The Nash bargaining solution: every task gains in proportion (Nash-MTL)",
                                  "Navon et al., Multi-Task Learning as a Bargaining Game, ICML 2022",
                                  [](const NashOptions& options) { return std::make_unique<Nash>(options); });
}

}  // namespace polytask
