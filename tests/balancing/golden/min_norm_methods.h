#pragma once
#include <balancing/golden/harness.h>
#include <balancing/golden/network.h>

#include <string>

namespace polytask {

inline GoldenResult run_min_norm(const GoldenCase& one, const Node& options) {
  if (one.has("data")) return run_network(one, options);
  if (one.has("rep_grads")) return run_representation(one, options);
  return one.has("grads_sequence") ? run_sequence(one, options) : run_once(one, options);
}

/// LibMTL reports the simplex weights, in its own and in the network's runs.
inline void report_simplex(const GoldenCase& one, GoldenResult& result) {
  if (one.peer() != "LibMTL") return;
  for (const std::string suffix : {"", "_per_step"}) rename(result, "simplex" + suffix, "weights" + suffix);
}

/// The peers' own iteration where a case accepts nothing but its result; else the exact solution.
inline GoldenResult run_mgda(const GoldenCase& one) {
  Node options = method_with_convention("mgda", one);
  set_options(options, one, {{"normalize", "mgda_gn"}});
  set_options(options, one, {{"normalize", "normalization"}});
  if (!one.has("accept")) options.set("solver", Node::scalar_of("projected_gradient"));
  GoldenResult result = run_min_norm(one, options);
  report_simplex(one, result);
  return result;
}

inline GoldenResult run_cagrad(const GoldenCase& one) {
  Node options = method_with_convention("cagrad", one);
  set_options(options, one, {{"c", "calpha"}, {"epsilon", "eps"}, {"norm_epsilon", "eps"}});
  set_options(options, one, {{"c", "c"}});
  if (one.param_text("rescale", "none") != "none") set_options(options, one, {{"rescale", "rescale"}});
  if (one.has_param("times_T"))
    options.set("reduction", Node::scalar_of(one.param_text("times_T", "") == "true" ? "sum" : "mean"));
  GoldenResult result = run_min_norm(one, options);
  rename(result, "simplex", "simplex_weights");
  report_simplex(one, result);
  return result;
}

/// mgda, cagrad
inline GoldenMethods min_norm_methods() { return {{"MGDA", run_mgda}, {"CAGrad", run_cagrad}}; }

}  // namespace polytask
