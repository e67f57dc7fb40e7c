#pragma once
#include <balancing/golden/harness.h>
#include <balancing/golden/network.h>

#include <string>
#include <vector>

namespace polytask {

/// A Gram weighting without anything to record, for every kind of case.
inline GoldenResult run_gram_method(const GoldenCase& one, const Node& options) {
  if (one.has("data")) return run_network(one, options);
  if (one.has("rep_grads")) return run_representation(one, options);
  return one.has("grads_sequence") ? run_sequence(one, options) : run_once(one, options);
}

inline GoldenResult run_pcgrad(const GoldenCase& one) {
  Node options = method_with_convention("pcgrad", one);
  set_options(options, one, {{"eps", "eps"}, {"reduction", "reduction"}});
  set_options(options, one, {{"reduction", "reduction_effective"}});
  return run_gram_method(one, options);
}

inline GoldenResult run_gradvac(const GoldenCase& one) {
  Node options = method_with_convention("gradvac", one);
  set_options(options, one, {{"beta", "beta"}, {"beta", "GradVac_beta"}, {"eps", "eps"}});
  const double group = one.param_or("group_type", one.param_or("GradVac_group_type", 0));
  options.set("groups", Node::scalar_of(group == 0 ? "whole" : group == 1 ? "layer" : "tensor"));
  if (!one.has("grads_sequence")) return run_gram_method(one, options);
  SequenceOptions how;
  how.record = [](const GoldenStep& step, GoldenResult& result) {
    for (const char* key : {"rho_per_step", "phi_per_step"})
      append(result, key, numbers_of(step.balancer.method().state().at("rho")));
  };
  return run_sequence(one, options, how);
}

inline GoldenResult run_aligned(const GoldenCase& one) {
  Node options = method_with_convention("aligned", one);
  set_options(options, one, {{"scale_mode", "scale_mode"}, {"preference", "pref_vector"}});
  return run_gram_method(one, options);
}

inline GoldenResult run_imtl(const GoldenCase& one) {
  Node options = method_with_convention("imtl", one);
  set_options(options, one, {{"initial_log_scale", "loss_scale_init"}});
  if (!one.has("grads_sequence")) {
    GoldenResult result = run_gram_method(one, options);
    if (one.has("grads")) rename(result, "heads", "decoder_grad_scale");
    return result;
  }
  SequenceOptions how;
  how.record = [](const GoldenStep& step, GoldenResult& result) {
    append(result, "loss_scale_after_step", scale_values(step.scales));
  };
  GoldenResult result = run_sequence(one, options, how);
  rename(result, "heads_per_step", "decoder_grad_scale_per_step");
  return result;
}

inline GoldenResult run_config(const GoldenCase& one) {
  Node options = method_node("config");
  set_options(options, one, {{"preference", "pref_vector"}});
  return run_gram_method(one, options);
}

inline GoldenResult run_krum(const GoldenCase& one) {
  Node options = method_node("krum");
  set_options(options, one, {{"n_byzantine", "n_byzantine"}, {"n_selected", "n_selected"}});
  return run_gram_method(one, options);
}

/// CR-MOGM(UPGrad): the wrapper around the peer's form of the method named in brackets.
inline GoldenResult run_crmogm_upgrad(const GoldenCase& one) {
  Node options = method_node("crmogm");
  set_options(options, one, {{"alpha", "alpha"}});
  options.set("inner", method_with_convention("upgrad", one));
  return run_gram_method(one, options);
}

/// The peers' runs: LibMTL's with the losses of the initial model as L(0), brianlan's and lucidrains' norms over the
/// encoder's weight alone, lucidrains' weights stepped at a rate of their own.
inline GoldenResult run_gradnorm(const GoldenCase& one) {
  Node options = method_with_convention("gradnorm", one);
  set_options(options, one, {{"alpha", "alpha"}});
  set_options(options, one, {{"alpha", "restoring_force_alpha"}});
  NetworkOptions how;
  if (one.peer() == "LibMTL") options.set("initial", Node::scalar_of("first"));
  if (one.peer() == "pytorch-grad-norm") options.set("scope", Node::sequence_of({Node::scalar_of("encoder.weight")}));
  if (one.has_param("model_optimizer")) {
    how.optimizer_key = "model_optimizer";
    how.rate_key = "model_lr";
    how.scale_rate_key = "learning_rate";
  }
  return run_network(one, options, how);
}

/// mean, sum, pcgrad, gradvac, aligned, imtl_g, imtl, config, krum, gradnorm, crmogm
inline GoldenMethods gram_methods() {
  const auto plain = [](const char* name) {
    return [name](const GoldenCase& one) { return run_gram_method(one, method_node(name)); };
  };
  const auto imtl_g = [](const GoldenCase& one) { return run_gram_method(one, method_with_convention("imtl_g", one)); };
  return {{"Mean", plain("mean")},
          {"Sum", plain("sum")},
          {"PCGrad", run_pcgrad},
          {"GradVac", run_gradvac},
          {"Aligned_MTL", run_aligned},
          {"IMTL", run_imtl},
          {"IMTL-G", imtl_g},
          {"ConFIG", run_config},
          {"Krum", run_krum},
          {"GradNorm", run_gradnorm},
          {"CR-MOGM(UPGrad)", run_crmogm_upgrad}};
}

}  // namespace polytask
