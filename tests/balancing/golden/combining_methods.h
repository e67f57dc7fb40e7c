#pragma once
#include <balancing/golden/harness.h>
#include <balancing/golden/network.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// A sequence, or the tiny network where the case has one. `states`: method state → key of the result, after the last
/// step.
inline GoldenResult run_steps(const GoldenCase& one, const Node& options,
                              const std::map<std::string, std::string>& states = {}, std::vector<size_t> samples = {}) {
  if (one.has("data")) return run_network(one, options);
  SequenceOptions how;
  how.samples = std::move(samples);
  how.record = [&](const GoldenStep& step, GoldenResult& result) {
    if (!step.last) return;
    const NamedTensors state = step.balancer.method().state();
    for (const auto& [name, key] : states) result[key] = numbers_of(state.at(name));
  };
  GoldenResult result = run_sequence(one, options, how);
  rename(result, "heads_per_step", "decoder_grad_scale_per_step");
  return result;
}

inline GoldenResult run_graddrop(const GoldenCase& one) {
  Node options = method_with_convention("graddrop", one);
  set_options(options, one, {{"leak", "leak"}, {"epsilon", "eps"}});
  return one.has("rep_grads") ? run_representation(one, options) : run_once(one, options);
}

/// What the peer returns as weights is λ.
inline GoldenResult run_moco(const GoldenCase& one) {
  Node options = method_with_convention("moco", one);
  set_options(options, one,
              {{"beta", "MoCo_beta"},
               {"beta_sigma", "MoCo_beta_sigma"},
               {"gamma", "MoCo_gamma"},
               {"gamma_sigma", "MoCo_gamma_sigma"},
               {"rho", "MoCo_rho"}});
  GoldenResult result = run_steps(one, options, {{"y", "y_final"}});
  if (one.has("data")) rename(result, "lambda_per_step", "weights_per_step");
  return result;
}

inline GoldenResult run_modo(const GoldenCase& one) {
  Node options = method_with_convention("modo", one);
  set_options(options, one, {{"gamma", "gamma"}, {"rho", "rho"}});
  GoldenResult result = run_steps(one, options);
  rename(result, "weights_per_step", "lambda_per_step");
  return result;
}

/// LibMTL's samples are ζ, ξ, ξ'; TorchJD's are ξ, ξ' and its vector w is called a state.
inline GoldenResult run_sdmgrad(const GoldenCase& one) {
  Node options = method_with_convention("sdmgrad", one);
  for (const char* param : {"lamda", "lambda"}) set_options(options, one, {{"lambda", param}});
  for (const char* param : {"niter", "n_iter"}) set_options(options, one, {{"iterations", param}});
  for (const char* param : {"inner_lr", "lr"}) set_options(options, one, {{"lr", param}});
  for (const char* param : {"inner_momentum", "momentum"}) set_options(options, one, {{"momentum", param}});
  const bool libmtl = one.peer() == "LibMTL";
  GoldenResult result = run_steps(one, options, {}, libmtl ? std::vector<size_t>{1, 2, 0} : std::vector<size_t>{});
  rename(result, "simplex_per_step", libmtl ? "w_per_step" : "w_state_per_step");
  return result;
}

/// The peer returns weights of 1, whatever it applies; the network's parameters show what that is.
inline GoldenResult run_db_mtl(const GoldenCase& one) {
  Node options = method_node("db_mtl");
  set_options(options, one, {{"beta", "DB_beta"}, {"beta_sigma", "DB_beta_sigma"}});
  GoldenResult result = run_steps(one, options, {{"b", "grad_buffer_final"}});
  if (one.has("data"))
    for (double& weight : result["weights_per_step"]) weight = 1;
  return result;
}

inline GoldenResult run_excess(const GoldenCase& one) {
  Node options = method_with_convention("excess", one);
  set_options(options, one, {{"eta", "robust_step_size"}, {"warmup", "n_warmup_steps"}});
  return run_steps(one, options, {{"S", "grad_sum_final"}, {"e0", "initial_w"}});
}

inline GoldenResult run_trimmed_mean(const GoldenCase& one) {
  Node options = method_node("trimmed_mean");
  set_options(options, one, {{"trim", "trim_number"}});
  return run_once(one, options);
}

inline GoldenMethods combining_methods() {
  return {{"GradDrop", run_graddrop},       {"MoCo", run_moco},     {"MoDo", run_modo},
          {"SDMGrad", run_sdmgrad},         {"DB_MTL", run_db_mtl}, {"ExcessMTL", run_excess},
          {"TrimmedMean", run_trimmed_mean}};
}

}  // namespace polytask
