#pragma once
// How to run a golden case through the public classes. A family of methods has one header here with one function
// `GoldenMethods <family>_methods()`, that maps the `method` of golden files to a function GoldenCase → GoldenResult:
//
//   inline GoldenMethods gram_methods() {
//     return {{"UPGrad", [](const GoldenCase& one) {
//       Node options = method_with_convention("upgrad", one);              // {method: upgrad, convention: libmtl}
//       set_options(options, one, {{"norm_eps", "norm_eps"}, {"c", "calpha"}});  // option ← golden param, where given
//       if (one.has("grads_sequence")) return run_sequence(one, options);
//       if (one.has("data")) return run_network(one, options);             // network.h
//       if (one.has("rep_grads")) return run_representation(one, options); // network.h
//       return run_once(one, options);
//     }}};
//   }
//
// run_once: losses c_t + g_t·θ at θ = 0 in float64, θ two shared tensors "encoder.p0", "encoder.p1" of one module
// (halves, or `param_split`), a head parameter with gradient 1 per task. Result: "weights" (Weights::w), "direction"
// (θ.grad), "loss" and "value" (objective), "heads" (what multiplies each head's gradient; compared with the case's
// "decoder_grad_scale"), and every entry of Weights::shown under its own name.
//
// run_sequence: one balancer over grads_sequence ([step][task][P], or [step][sample][task][P]), loss_sequence
// ([step][T], or [epoch][batch][T]), kpi_sequence, loss_after_step_sequence; what is missing is 1 (losses), 0
// (gradients). Result: the same keys with "_per_step", "total_loss_per_step", for the nested form also
// "weights_per_batch", "weights_per_epoch", "value_per_batch", "epoch_average_loss". Learnable scales are stepped by
// the case's `optimizer`. Rename or add keys afterwards (`rename`), or record the method's state in `record`, called
// after after_step of every step, and `start`, called before the first:
//
//   SequenceOptions how;
//   how.record = [](const GoldenStep& step, GoldenResult& result) {
//     append(result, "lambda_per_step", numbers_of(step.balancer.method().state().at("lambda")));
//     if (step.last) result["y_final"] = numbers_of(step.balancer.method().state().at("y"));
//   };
//   how.samples = {1, 2, 0};  // independent batches in the method's order, as indices of the case's samples
//   return run_sequence(one, options, how);
//
// Draws are those of the case, handed out in order; an order that leaves the own task out gets it at the end.
#include <polytask/balancing/balancer.h>
#include <polytask/core/error.h>

#include <balancing/golden/probe.h>
#include <balancing/golden/runner.h>

#include <torch/optim/optimizer.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// One backward pass of a method. See the top of this file.
inline GoldenResult run_once(const GoldenCase& one, const Node& options) {
  auto rows = one.has("grads") ? golden_rows(one.at("grads")) : std::vector<std::vector<double>>{};
  auto values = one.has("losses") ? golden_numbers(one.at("losses")) : std::vector<double>(rows.size(), 1.0);
  if (rows.empty()) rows.assign(values.size(), {0.0});
  LinearProbe probe(one, static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.front().size()));
  const auto balancer = make_golden_balancer(options, rows.size(), probe.facts());
  GoldenDraws draws(one);
  LossState state = LossState::of(values);
  state.draws = &draws;
  const auto losses = probe.losses(values, rows);
  const Weights weights = balancer->backward({losses, probe.parameters()}, state);
  GoldenResult result(weights.shown.begin(), weights.shown.end());
  result["weights"] = weights.w;
  result["direction"] = probe.direction();
  result["loss"] = result["value"] = {weights.objective};
  result["heads"] = probe.heads();
  return result;
}

/// What `record` is told after a step.
struct GoldenStep {
  int64_t index, epoch, batch;  ///< batch: within the epoch
  bool last;                    ///< of the case
  Balancer& balancer;
  const Weights& weights;
  const std::vector<double>& direction;
  const std::vector<at::Tensor>& scales;  ///< learnable, after the optimizer's step
};

struct SequenceOptions {
  std::function<void(Balancer&, GoldenResult&)> start;
  std::function<void(const GoldenStep&, GoldenResult&)> record;
  /// The case's samples in the order of the method's independent batches; empty: as they stand, the last one repeated
  /// where the method wants more.
  std::vector<size_t> samples;
};

/// The steps of a case, whatever the nesting of its sequences.
struct GoldenSteps {
  struct Step {
    int64_t epoch = 0, batch = 0;
    bool ends_epoch = false;
    std::vector<double> losses, kpis, losses_after;
    std::vector<std::vector<std::vector<double>>> samples;  ///< [sample][task][P]
  };
  std::vector<Step> steps;
  bool has_epochs = false;
  size_t tasks = 0;

  explicit GoldenSteps(const GoldenCase& one) {
    if (one.has("grads_sequence")) read_gradients(one.at("grads_sequence"));
    if (one.has("loss_sequence")) read_losses(one.at("loss_sequence"));
    if (steps.empty()) throw InputError("the golden case has no sequence");
    tasks = steps.front().samples.empty() ? steps.front().losses.size() : steps.front().samples.front().size();
    if (one.has("kpi_sequence")) read(golden_rows(one.at("kpi_sequence")), &Step::kpis);
    if (one.has("loss_after_step_sequence")) read(golden_rows(one.at("loss_after_step_sequence")), &Step::losses_after);
    for (auto& step : steps) {
      if (step.losses.empty()) step.losses.assign(tasks, 1.0);
      if (step.samples.empty()) step.samples = {std::vector<std::vector<double>>(tasks, {0.0})};
    }
  }

 private:
  void read_gradients(const Node& sequence) {
    const bool sampled = golden_depth(sequence) == 4;
    for (const Node& item : sequence.items()) {
      Step step;
      if (sampled)
        for (const Node& sample : item.items()) step.samples.push_back(golden_rows(sample));
      else
        step.samples.push_back(golden_rows(item));
      steps.push_back(std::move(step));
    }
  }
  void read_losses(const Node& sequence) {
    has_epochs = golden_depth(sequence) == 3;
    if (!has_epochs) return read(golden_rows(sequence), &Step::losses);
    for (size_t epoch = 0; epoch < sequence.items().size(); ++epoch) {
      const auto batches = golden_rows(sequence.items()[epoch]);
      for (size_t batch = 0; batch < batches.size(); ++batch) {
        Step step;
        step.epoch = static_cast<int64_t>(epoch);
        step.batch = static_cast<int64_t>(batch);
        step.ends_epoch = batch + 1 == batches.size();
        step.losses = batches[batch];
        steps.push_back(std::move(step));
      }
    }
  }
  void read(const std::vector<std::vector<double>>& rows, std::vector<double> Step::*member) {
    if (steps.empty()) steps.resize(rows.size());
    for (size_t i = 0; i < steps.size(); ++i) steps[i].*member = rows.at(i);
  }
};

/// Runs a case's steps with one balancer. See the top of this file.
class GoldenSequence {
 public:
  GoldenSequence(const GoldenCase& one, const Node& options, SequenceOptions how)
      : case_(one), how_(std::move(how)), steps_(one), draws_(one), probe_(one, tasks(), columns()) {
    balancer_ = make_golden_balancer(options, steps_.tasks, probe_.facts());
    scales_ = golden_scales(*balancer_, steps_.tasks);
    if (!scales_.empty() && one.has_param("optimizer")) optimizer_ = golden_optimizer(one, scales_);
    state_ = LossState::of(steps_.steps.front().losses);
    state_.draws = &draws_;
  }
  GoldenResult run() {
    if (how_.start) how_.start(*balancer_, result_);
    for (size_t i = 0; i < steps_.steps.size(); ++i) step(i);
    return std::move(result_);
  }

 private:
  int64_t tasks() const { return static_cast<int64_t>(steps_.tasks); }
  int64_t columns() const { return static_cast<int64_t>(steps_.steps.front().samples.front().front().size()); }

  void step(size_t index) {
    const auto& now = steps_.steps[index];
    state_.step = static_cast<int64_t>(index);
    state_.epoch = now.epoch;
    state_.losses = now.losses;
    state_.kpis = now.kpis;
    probe_.zero_grad();
    if (optimizer_) optimizer_->zero_grad();
    const Weights weights = backward(now);
    if (optimizer_) optimizer_->step();
    LossState after = state_;
    if (!now.losses_after.empty()) after.losses = now.losses_after;
    balancer_->method().after_step(after);
    const auto direction = probe_.direction();
    keep(now, weights, direction);
    if (how_.record)
      how_.record({state_.step, now.epoch, now.batch, index + 1 == steps_.steps.size(), *balancer_, weights, direction,
                   scales_},
                  result_);
    finish_epoch(now);
  }

  Weights backward(const GoldenSteps::Step& now) {
    const int64_t wanted = balancer_->method().needs().independent_batches;
    Weights weights;
    for (int64_t s = 0; s < wanted; ++s) {
      size_t sample = std::min(static_cast<size_t>(s), now.samples.size() - 1);
      if (!how_.samples.empty()) sample = how_.samples.at(static_cast<size_t>(s));
      const auto losses = probe_.losses(now.losses, now.samples.at(sample));
      BackwardContext context{losses, probe_.parameters()};
      context.sample = s;
      context.last = s + 1 == wanted;
      weights = balancer_->backward(context, state_);
    }
    return weights;
  }

  void keep(const GoldenSteps::Step& now, const Weights& weights, const std::vector<double>& direction) {
    for (const auto& [name, values] : weights.shown) append(result_, name + "_per_step", values);
    for (const char* key : {"weights_per_step", "weights_per_batch", "weights_per_iteration"})
      append(result_, key, weights.w);
    if (now.batch == 0) append(result_, "weights_per_epoch", weights.w);
    append(result_, "direction_per_step", direction);
    append(result_, "heads_per_step", probe_.heads());
    for (const char* key : {"total_loss_per_step", "value_per_batch", "loss_per_iteration"})
      append(result_, key, {weights.objective});
  }

  // Epoch means as training makes them: batches count by their size, where the case gives sizes.
  void finish_epoch(const GoldenSteps::Step& now) {
    if (!steps_.has_epochs) return;
    const auto sizes = case_.has("batch_sizes") ? golden_numbers(case_.at("batch_sizes")) : std::vector<double>{};
    const double size = sizes.empty() ? 1 : sizes.at(static_cast<size_t>(now.batch));
    if (now.batch == 0) {
      sums_.assign(steps_.tasks, 0.0);
      samples_ = 0;
    }
    for (size_t t = 0; t < steps_.tasks; ++t) sums_[t] += size * now.losses[t];
    samples_ += size;
    if (!now.ends_epoch) return;
    for (double& sum : sums_) sum /= samples_;
    state_.epoch_losses.push_back(sums_);
    append(result_, "epoch_average_loss", sums_);
  }

  GoldenCase case_;
  SequenceOptions how_;
  GoldenSteps steps_;
  GoldenDraws draws_;
  LinearProbe probe_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<at::Tensor> scales_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  LossState state_;
  GoldenResult result_;
  std::vector<double> sums_;
  double samples_ = 0;
};

inline GoldenResult run_sequence(const GoldenCase& one, const Node& options, SequenceOptions how = {}) {
  return GoldenSequence(one, options, std::move(how)).run();
}

/// Merges the maps of several families; a method named twice is run by the later.
inline GoldenMethods merged(const std::vector<GoldenMethods>& families) {
  GoldenMethods all;
  for (const auto& family : families)
    for (const auto& [name, method] : family) all[name] = method;
  return all;
}

}  // namespace polytask
