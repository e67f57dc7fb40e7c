#pragma once
#include <balancing/golden/harness.h>
#include <balancing/golden/network.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

inline GoldenResult run_fairness(const GoldenCase& one, const Node& options) {
  GoldenResult result = one.has("data") ? run_network(one, options) : run_once(one, options);
  rename(result, "heads", "decoder_grad_scale");
  return result;
}

inline GoldenResult run_dual_cone(const std::string& name, const GoldenCase& one) {
  Node options = method_with_convention(name, one);
  set_options(options, one, {{"preference", "pref_vector"}, {"norm_eps", "norm_eps"}, {"reg_eps", "reg_eps"}});
  set_options(options, one, {{"norm_eps", "UPGrad_norm_eps"}, {"reg_eps", "UPGrad_reg_eps"}});
  return run_fairness(one, options);
}

/// The peers clip the direction of every step anew, as the training's `clip: {shared: max_norm}` does. Steps without an
/// update have no clip of Nash's own.
inline GoldenResult run_nash_sequence(const GoldenCase& one, Node options) {
  const double max_norm = one.param_or("max_norm", 0);
  options.set("max_norm", Node::scalar_of("0"));
  SequenceOptions how;
  how.record = [max_norm](const GoldenStep& step, GoldenResult& result) {
    double square = 0;
    for (double value : step.direction) square += value * value;
    const double factor = max_norm > 0 ? std::min(1.0, max_norm / std::sqrt(square)) : 1;
    for (double value : step.direction) append(result, "clipped_per_step", {factor * value});
  };
  GoldenResult result = run_sequence(one, options, how);
  rename(result, "clipped_per_step", "direction_per_step");
  result["alpha_per_step"] = result["weights_per_step"];  // without a clip the weights are α
  return result;
}

inline GoldenResult run_nash(const GoldenCase& one) {
  Node options = method_with_convention("nash", one);
  set_options(options, one, {{"max_norm", "max_norm"}, {"every", "update_weights_every"}});
  if (one.has("grads_sequence")) return run_nash_sequence(one, options);
  GoldenResult result = run_fairness(one, options);
  rename(result, "alpha_per_step", "weights_per_step");  // a trajectory's weights are those before the clip
  return result;
}

/// The peers' weights are those before the official code's rescaling and clip.
inline GoldenResult run_fairgrad(const GoldenCase& one) {
  Node options = method_with_convention("fairgrad", one);
  set_options(options, one, {{"alpha", "FairGrad_alpha"}});
  set_options(options, one, {{"alpha", "alpha"}, {"max_norm", "max_norm"}});
  GoldenResult result = run_fairness(one, options);
  rename(result, "solution", "weights");
  rename(result, "solution_per_step", "weights_per_step");
  return result;
}

/// UPGrad, DualProj, Nash-MTL and FairGrad.
inline GoldenMethods fairness_methods() {
  return {{"UPGrad", [](const GoldenCase& one) { return run_dual_cone("upgrad", one); }},
          {"DualProj", [](const GoldenCase& one) { return run_dual_cone("dualproj", one); }},
          {"Nash_MTL", run_nash},
          {"FairGrad", run_fairgrad}};
}

}  // namespace polytask
