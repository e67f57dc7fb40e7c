#pragma once
// run_network: the cases with `data`. Encoder h = X Wᵀ + b, heads y_t = h V_tᵀ + c_t, mean squared errors, float64; the
// Balancer under test and one optimizer over all parameters and learnable scales (own lr of the scales:
// `scale_rate_key`). Result: "losses_before_step", "weights_per_step" (Weights::w), every shown entry as
// "<name>_per_step", "loss_scale_after_step" (learnable scales; also "weights_after_step", "raw_weights_after_step"),
// "parameters/after_step_N/{W,b,V,c}" for the N that the case expects, "final_parameters/…", "final_losses".
//
// run_representation: the cases with `rep_grads`: losses 1 + Σ rep_grads[t] ⊙ (Z − its value), Z computed from a shared
// parameter of that value; `scope: representation` is set, and for Gram weightings `representation_rows: batch_sum`.
// Result: "weights", "rep_grad".
#include <polytask/balancing/gram_balancer.h>

#include <balancing/golden/harness.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// The tensor of nested lists of any depth; rows of equal length.
inline at::Tensor golden_tensor(const Node& node) {
  std::vector<int64_t> shape;
  for (const Node* inner = &node; inner->is_sequence(); inner = &inner->items().front())
    shape.push_back(static_cast<int64_t>(inner->items().size()));
  return tensor_of(golden_numbers(node)).reshape(shape);
}

struct NetworkOptions {
  int64_t steps_per_epoch = 0;  ///< 0: all in one epoch
  /// Names of golden params; the network's optimizer and, where not "", another rate of the learnable scales.
  std::string optimizer_key = "optimizer", rate_key = "lr", scale_rate_key;
  std::function<void(Balancer&, GoldenResult&)> start;
  std::function<void(const GoldenStep&, GoldenResult&)> record;  ///< `direction` is empty
};

/// What the heads are fed: the features themselves, or a detached copy where the balancer wants the graph split.
class SplitFeatures {
 public:
  SplitFeatures(const Balancer& balancer, at::Tensor features)
      : split_(balancer.splits_graph()), features_(std::move(features)), fed_(features_) {
    if (split_) fed_ = features_.detach().set_requires_grad(true);
  }
  const at::Tensor& fed() const { return fed_; }
  void describe(BackwardContext& context) const {
    if (!split_) return;
    context.features = {{features_}};
    context.leaves = {{fed_}};
  }

 private:
  bool split_;
  at::Tensor features_, fed_;
};

/// The tiny linear network of the golden files, as a model gives its parts to a balancer.
class TinyNetwork {
 public:
  explicit TinyNetwork(const GoldenCase& one) {
    const Node& data = one.at("data");
    const auto member = [&](const char* key) { return golden_tensor(*data.find(key)); };
    x_ = member("X");
    y_ = member("Y");
    const at::Tensor v = member("V"), c = member("c");
    add("encoder.weight", member("W"), Role::shared, -1);
    add("encoder.bias", member("b"), Role::shared, -1);
    for (int64_t t = 0; t < y_.size(0); ++t) {
      const std::string head = "heads.t" + std::to_string(t);
      add(head + ".weight", v[t], Role::task, t);
      add(head + ".bias", c[t], Role::task, t);
    }
  }
  size_t tasks() const { return static_cast<size_t>(y_.size(0)); }
  const std::vector<ModelParameter>& parameters() const { return parameters_; }
  ModelFacts facts() const { return {parameters_, "encoder"}; }
  std::vector<at::Tensor> tensors() const {
    std::vector<at::Tensor> result;
    for (const auto& parameter : parameters_) result.push_back(parameter.tensor);
    return result;
  }
  void zero_grad() {
    for (auto& parameter : parameters_) parameter.tensor.mutable_grad() = at::Tensor();
  }
  at::Tensor encode() const { return at::addmm(parameters_[1].tensor, x_, parameters_[0].tensor.t()); }
  std::vector<at::Tensor> losses(const at::Tensor& h) const {
    std::vector<at::Tensor> result;
    for (size_t t = 0; t < tasks(); ++t) {
      const at::Tensor out = at::addmm(parameters_[3 + 2 * t].tensor, h, parameters_[2 + 2 * t].tensor.t());
      result.push_back((out - y_[static_cast<int64_t>(t)]).square().mean());
    }
    return result;
  }
  std::vector<double> loss_values() const {
    torch::NoGradGuard off;
    return values_of(losses(encode()));
  }
  static std::vector<double> values_of(const std::vector<at::Tensor>& losses) {
    std::vector<double> values;
    for (const auto& loss : losses) values.push_back(loss.item<double>());
    return values;
  }
  /// W, b, and V and c of all tasks in one.
  GoldenResult values() const {
    GoldenResult result;
    result["W"] = numbers_of(parameters_[0].tensor);
    result["b"] = numbers_of(parameters_[1].tensor);
    for (size_t t = 0; t < tasks(); ++t) {
      append(result, "V", numbers_of(parameters_[2 + 2 * t].tensor));
      append(result, "c", numbers_of(parameters_[3 + 2 * t].tensor));
    }
    return result;
  }

 private:
  void add(const std::string& name, const at::Tensor& value, Role role, int64_t task) {
    parameters_.push_back({name, value.clone().set_requires_grad(true), role, task});
  }
  at::Tensor x_, y_;
  std::vector<ModelParameter> parameters_;
};

/// A run of the tiny network. See the top of this file.
class GoldenTraining {
 public:
  GoldenTraining(const GoldenCase& one, const Node& options, NetworkOptions how)
      : case_(one), how_(std::move(how)), network_(one), draws_(one) {
    balancer_ = make_golden_balancer(options, network_.tasks(), network_.facts());
    scales_ = golden_scales(*balancer_, network_.tasks());
    std::vector<at::Tensor> stepped = network_.tensors();
    if (how_.scale_rate_key.empty())
      stepped.insert(stepped.end(), scales_.begin(), scales_.end());
    else if (!scales_.empty())
      optimizers_.push_back(golden_optimizer(one, scales_, how_.optimizer_key, how_.scale_rate_key));
    optimizers_.push_back(golden_optimizer(one, stepped, how_.optimizer_key, how_.rate_key));
    epoch_sums_.assign(network_.tasks(), 0.0);
  }
  GoldenResult run() {
    const auto steps = static_cast<int64_t>(case_.at("expected").find("losses_before_step")->items().size());
    if (how_.start) how_.start(*balancer_, result_);
    for (int64_t i = 0; i < steps; ++i) {
      step(i, steps);
      keep_parameters("parameters/after_step_" + std::to_string(i + 1) + "/");
    }
    keep_parameters("final_parameters/");
    result_["final_losses"] = network_.loss_values();
    return std::move(result_);
  }

 private:
  void step(int64_t index, int64_t steps) {
    const int64_t length = how_.steps_per_epoch > 0 ? how_.steps_per_epoch : steps;
    const SplitFeatures h(*balancer_, network_.encode());
    const auto losses = network_.losses(h.fed());
    LossState state = LossState::of(TinyNetwork::values_of(losses));
    state.step = index;
    state.epoch = index / length;
    state.epoch_losses = epoch_losses_;
    state.draws = &draws_;
    append(result_, "losses_before_step", state.losses);
    network_.zero_grad();
    for (auto& optimizer : optimizers_) optimizer->zero_grad();
    BackwardContext context{losses, network_.parameters()};
    h.describe(context);
    const Weights weights = balancer_->backward(context, state);
    for (auto& optimizer : optimizers_) optimizer->step();
    LossState after = state;
    if (balancer_->method().needs().second_loss) after.losses = network_.loss_values();
    balancer_->method().after_step(after);
    keep(weights);
    if (how_.record)
      how_.record({index, state.epoch, index % length, index + 1 == steps, *balancer_, weights, {}, scales_}, result_);
    finish_epoch(state.losses, index, length);
  }

  void keep(const Weights& weights) {
    for (const auto& [name, values] : weights.shown) append(result_, name + "_per_step", values);
    append(result_, "weights_per_step", weights.w);
    for (const char* key : {"loss_scale_after_step", "weights_after_step", "raw_weights_after_step"})
      append(result_, key, scale_values(scales_));
  }

  void keep_parameters(const std::string& prefix) {
    for (const auto& [name, values] : network_.values()) result_[prefix + name] = values;
  }

  void finish_epoch(const std::vector<double>& losses, int64_t index, int64_t length) {
    for (size_t t = 0; t < losses.size(); ++t) epoch_sums_[t] += losses[t] / static_cast<double>(length);
    if ((index + 1) % length != 0) return;
    epoch_losses_.push_back(epoch_sums_);
    epoch_sums_.assign(losses.size(), 0.0);
  }

  GoldenCase case_;
  NetworkOptions how_;
  TinyNetwork network_;
  GoldenDraws draws_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<at::Tensor> scales_;
  std::vector<std::unique_ptr<torch::optim::Optimizer>> optimizers_;
  std::vector<std::vector<double>> epoch_losses_;
  std::vector<double> epoch_sums_;
  GoldenResult result_;
};

inline GoldenResult run_network(const GoldenCase& one, const Node& options, NetworkOptions how = {}) {
  return GoldenTraining(one, options, std::move(how)).run();
}

/// One backward pass of a method with `scope: representation`; LibMTL's inner products are those of sums over the
/// batch. See the top of this file.
inline GoldenResult run_representation(const GoldenCase& one, Node options) {
  if (dynamic_cast<GramBalancer*>(balancers().create(options).get()) != nullptr)
    options.set("representation_rows", Node::scalar_of("batch_sum"));
  options.set("scope", Node::sequence_of({Node::scalar_of("representation")}));
  const at::Tensor value = golden_tensor(one.at("representation")), rows = golden_tensor(one.at("rep_grads"));
  const auto tasks = static_cast<size_t>(rows.size(0));
  std::vector<ModelParameter> parameters = {
      {"encoder.weight", value.clone().set_requires_grad(true), Role::shared, -1}};
  for (size_t t = 0; t < tasks; ++t)
    parameters.push_back({"heads.t" + std::to_string(t) + ".bias",
                          torch::zeros({}, torch::kDouble).set_requires_grad(true), Role::task,
                          static_cast<int64_t>(t)});
  const auto balancer = make_golden_balancer(options, tasks, {parameters, "encoder"});
  const SplitFeatures z(*balancer, parameters[0].tensor * 1);
  std::vector<at::Tensor> losses;
  for (size_t t = 0; t < tasks; ++t)
    losses.push_back(1 + (rows[static_cast<int64_t>(t)] * (z.fed() - value)).sum() + parameters[1 + t].tensor);
  GoldenDraws draws(one);
  LossState state = LossState::of(std::vector<double>(tasks, 1.0));
  state.draws = &draws;
  BackwardContext context{losses, parameters};
  z.describe(context);
  const Weights weights = balancer->backward(context, state);
  GoldenResult result(weights.shown.begin(), weights.shown.end());
  result["weights"] = weights.w;
  const at::Tensor grad = parameters[0].tensor.grad();
  result["rep_grad"] = numbers_of(grad.defined() ? grad : at::zeros_like(value));
  return result;
}

}  // namespace polytask
