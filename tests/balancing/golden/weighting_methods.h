#pragma once
#include <balancing/golden/harness.h>
#include <balancing/golden/network.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace polytask {

/// Uncertainty weighting by the peer's convention, started where the case says (a log-variance, or a σ).
inline Node uncertainty_options(const GoldenCase& one) {
  Node options = method_with_convention("uncertainty", one);
  if (!one.has_param("init")) return options;
  const double initial = golden_number(one.param("init"));
  const auto balancer = make_golden_balancer(options, 1);
  const bool is_sigma = balancer->method().parameters().count("sigma.t0") != 0;
  if (golden_scales(*balancer, 1).at(0).item<double>() != initial)
    options.set("initial_log_vars", Node::scalar_of(number_text(is_sigma ? 2 * std::log(initial) : initial)));
  return options;
}

/// A sequence of losses, the scales stepped by the case's optimizer after each.
inline GoldenResult run_uncertainty(const GoldenCase& one) {
  const Node options = uncertainty_options(one);
  if (one.has("data")) return run_network(one, options);
  SequenceOptions how;
  how.start = [&](Balancer& balancer, GoldenResult& result) {
    append(result, "parameter_per_step", scale_values(golden_scales(balancer, GoldenSteps(one).tasks)));
  };
  how.record = [](const GoldenStep& step, GoldenResult& result) {
    append(result, "parameter_per_step", scale_values(step.scales));
  };
  GoldenResult result = run_sequence(one, options, how);
  result["log_var_per_step"] = result["parameter_per_step"];
  return result;
}

/// A loss weighting without state, for every kind of case.
inline GoldenResult run_weighting(const GoldenCase& one, const Node& options) {
  return one.has("data") ? run_network(one, options) : run_once(one, options);
}

/// In its runs LibMTL logs L_t / (T ΠL), which is not what it applies; what it applied shows in the parameters.
inline GoldenResult run_geometric(const GoldenCase& one) {
  GoldenResult result = run_weighting(one, method_node("geometric"));
  if (!one.has("data")) return result;
  const size_t tasks = one.at("data").find("Y")->items().size();
  result.erase("weights_per_step");
  const auto& losses = result["losses_before_step"];
  for (size_t begin = 0; begin < losses.size(); begin += tasks) {
    double product = static_cast<double>(tasks);
    for (size_t t = 0; t < tasks; ++t) product *= losses[begin + t];
    for (size_t t = 0; t < tasks; ++t) append(result, "weights_per_step", {losses[begin + t] / product});
  }
  return result;
}

/// equal, fixed, geometric, scale_invariant, random, uncertainty
inline GoldenMethods weighting_methods() {
  const auto equal = [](const char* normalize) {
    return [normalize](const GoldenCase& one) {
      Node options = method_with_convention("equal", one);
      if (normalize != nullptr) options.set("normalize", Node::scalar_of(normalize));
      return run_weighting(one, options);
    };
  };
  const auto plain = [](const char* name) {
    return [name](const GoldenCase& one) { return run_weighting(one, method_node(name)); };
  };
  const auto fixed = [](const GoldenCase& one) {
    Node options = method_node("fixed");
    options.set("weights", one.param("weights"));
    return run_weighting(one, options);
  };
  const auto scale_invariant = [](const GoldenCase& one) {
    return run_weighting(one, method_with_convention("scale_invariant", one));
  };
  return {{"EW", equal(nullptr)},  {"Mean", equal(nullptr)}, {"Sum", equal("sum")},
          {"Constant", fixed},     {"GLS", run_geometric},   {"GeometricMean", run_geometric},
          {"SI", scale_invariant}, {"RLW", plain("random")}, {"UW", run_uncertainty}};
}

}  // namespace polytask
