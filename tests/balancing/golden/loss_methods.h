#pragma once
#include <polytask/balancing/weighting/per_task.h>

#include <balancing/golden/harness.h>
#include <balancing/golden/network.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

constexpr int64_t kGoldenStepsPerEpoch = 3;  // of the trajectories of methods that go by epochs

/// A method whose trajectories have epochs.
inline GoldenResult run_by_epochs(const GoldenCase& one, const Node& options, SequenceOptions sequence = {}) {
  if (!one.has("data")) return run_sequence(one, options, std::move(sequence));
  NetworkOptions how;
  how.steps_per_epoch = kGoldenStepsPerEpoch;
  return run_network(one, options, how);
}

/// nash-mtl shows the weights before its mean over the tasks; they are our "lambda".
inline GoldenResult run_dwa(const GoldenCase& one) {
  Node options = method_with_convention("dwa", one);
  set_options(options, one, {{"tau", "T"}, {"window", "iteration_window"}});
  GoldenResult result = run_by_epochs(one, options);
  if (one.has_param("iteration_window")) rename(result, "lambda_per_step", "weights_per_iteration");
  return result;
}

inline GoldenResult run_imtl_l(const GoldenCase& one) {
  Node options = method_node("imtl_l");
  set_options(options, one, {{"initial_log_scales", "init"}});
  if (one.has("data")) return run_network(one, options);
  SequenceOptions how;
  how.start = [&](Balancer& balancer, GoldenResult& result) {
    append(result, "parameter_per_step", scale_values(golden_scales(balancer, GoldenSteps(one).tasks)));
  };
  how.record = [](const GoldenStep& step, GoldenResult& result) {
    append(result, "parameter_per_step", scale_values(step.scales));
  };
  return run_sequence(one, options, how);
}

inline GoldenResult run_stch(const GoldenCase& one) {
  Node options = method_with_convention("stch", one);
  set_options(options, one,
              {{"mu", "mu"}, {"weights", "weights"}, {"reference", "reference"}, {"warmup", "STCH_warmup_epoch"}});
  set_options(options, one, {{"mu", "STCH_mu"}});
  if (one.has("losses")) return run_once(one, options);
  SequenceOptions how;
  how.record = [](const GoldenStep& step, GoldenResult& result) {
    const auto nadir = step.weights.shown.find("nadir");
    if (nadir != step.weights.shown.end()) result["nadir"] = nadir->second;
  };
  GoldenResult result = run_by_epochs(one, options, how);
  // LibMTL logs weights of 1 whatever it applies.
  if (one.has("data")) std::fill(result["weights_per_step"].begin(), result["weights_per_step"].end(), 1.0);
  return result;
}

/// LibMTL logs the softmax of the logits as they are after the step; what it applied shows in the parameters.
inline GoldenResult run_famo_network(const GoldenCase& one, const Node& options) {
  NetworkOptions how;
  how.record = [](const GoldenStep& step, GoldenResult& result) {
    append(result, "logged", softmax(numbers_of(step.balancer.method().state().at("logits"))));
  };
  GoldenResult result = run_network(one, options, how);
  rename(result, "logged", "weights_per_step");
  return result;
}

inline GoldenResult run_famo(const GoldenCase& one) {
  Node options = method_with_convention("famo", one);
  for (const char* key : {"lr", "w_lr", "FAMO_w_lr"})
    if (one.has_param(key) && !(one.has("data") && std::string(key) == "lr")) set_options(options, one, {{"lr", key}});
  for (const char* key : {"weight_decay", "gamma", "FAMO_w_gamma"}) set_options(options, one, {{"weight_decay", key}});
  set_options(options, one, {{"epsilon", "eps"}, {"min_losses", "min_losses"}});
  if (one.has("data")) return run_famo_network(one, options);
  SequenceOptions how;
  how.record = [](const GoldenStep& step, GoldenResult& result) {
    append(result, "logits_after_step", numbers_of(step.balancer.method().state().at("logits")));
    append(result, "effective_weights_per_step", step.weights.w);
    append(result, "value_per_step", {step.weights.objective});
  };
  return run_sequence(one, options, how);
}

inline GoldenResult run_dtp(const GoldenCase& one) {
  Node options = method_node("dtp");
  set_options(options, one, {{"alpha", "alpha"}, {"gamma", "gamma"}});
  GoldenResult result = run_sequence(one, options);
  rename(result, "kpi_per_step", "kpi_ema_per_step");
  return result;
}

inline GoldenResult run_cosmos(const GoldenCase& one) {
  Node options = method_node("cosmos");
  set_options(options, one, {{"weights", "weights"}, {"lambda", "lambda"}});
  return run_once(one, options);
}

inline GoldenResult run_pbi(const GoldenCase& one) {
  Node options = method_node("pbi");
  set_options(options, one, {{"weights", "weights"}, {"theta", "theta"}, {"reference", "reference"}});
  return run_once(one, options);
}

/// dwa, imtl_l, stch, cosmos, pbi, famo, dtp
inline GoldenMethods loss_methods() {
  return {{"DWA", run_dwa}, {"IMTL-L", run_imtl_l}, {"STCH", run_stch}, {"FAMO", run_famo},
          {"DTP", run_dtp}, {"COSMOS", run_cosmos}, {"PBI", run_pbi}};
}

}  // namespace polytask
