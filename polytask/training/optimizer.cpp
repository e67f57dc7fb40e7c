#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/core/torch_compat.h>
#include <polytask/training/optimizer.h>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <set>

namespace polytask {
namespace {

Range below_one() {
  Range range = between(0, 1);
  range.max_open = true;
  return range;
}

// The balancing group has a learning rate of its own, and no weight decay that could be set.
struct RateOnly {
  GroupOptions& group;
  void fields(Fields& f) { f.field("lr", group.lr, "learning rate; the section's where not given", at_least(0)); }
};

// What polytask must know of one of libtorch's optimisers.
class Algorithm {
 public:
  virtual ~Algorithm() = default;
  virtual std::unique_ptr<torch::optim::OptimizerOptions> options(const OptimizerOptions& given, double lr,
                                                                  double weight_decay) const = 0;
  virtual std::unique_ptr<torch::optim::Optimizer> create(
      std::vector<torch::optim::OptimizerParamGroup> groups) const = 0;
  /// Names of the state's tensors, all shaped like the parameter; and whether it counts steps.
  virtual std::vector<std::string> slots() const = 0;
  virtual bool counts_steps() const = 0;
  virtual NamedTensors read(const torch::optim::OptimizerParamState& state) const = 0;
  virtual std::unique_ptr<torch::optim::OptimizerParamState> write(const NamedTensors& values) const = 0;
};

class Sgd : public Algorithm {
 public:
  std::unique_ptr<torch::optim::OptimizerOptions> options(const OptimizerOptions& given, double lr,
                                                          double weight_decay) const override {
    auto result = std::make_unique<torch::optim::SGDOptions>(lr);
    result->momentum(given.momentum).nesterov(given.nesterov).weight_decay(weight_decay);
    return result;
  }
  std::unique_ptr<torch::optim::Optimizer> create(
      std::vector<torch::optim::OptimizerParamGroup> groups) const override {
    return std::make_unique<torch::optim::SGD>(std::move(groups), torch::optim::SGDOptions(0.0));
  }
  std::vector<std::string> slots() const override { return {"momentum_buffer"}; }
  bool counts_steps() const override { return false; }
  NamedTensors read(const torch::optim::OptimizerParamState& state) const override {
    return {{"momentum_buffer", static_cast<const torch::optim::SGDParamState&>(state).momentum_buffer()}};
  }
  std::unique_ptr<torch::optim::OptimizerParamState> write(const NamedTensors& values) const override {
    auto state = std::make_unique<torch::optim::SGDParamState>();
    state->momentum_buffer(values.at("momentum_buffer"));
    return state;
  }
};

// Adam and AdamW differ in what they do, not in what they keep.
template <class Optimizer, class Options, class State>
class AdamLike : public Algorithm {
 public:
  std::unique_ptr<torch::optim::OptimizerOptions> options(const OptimizerOptions& given, double lr,
                                                          double weight_decay) const override {
    auto result = std::make_unique<Options>(lr);
    result->betas({given.betas[0], given.betas[1]}).eps(given.eps).weight_decay(weight_decay);
    return result;
  }
  std::unique_ptr<torch::optim::Optimizer> create(
      std::vector<torch::optim::OptimizerParamGroup> groups) const override {
    return std::make_unique<Optimizer>(std::move(groups));
  }
  std::vector<std::string> slots() const override { return {"exp_avg", "exp_avg_sq"}; }
  bool counts_steps() const override { return true; }
  NamedTensors read(const torch::optim::OptimizerParamState& state) const override {
    const auto& own = static_cast<const State&>(state);
    return {{"exp_avg", own.exp_avg()},
            {"exp_avg_sq", own.exp_avg_sq()},
            {"step", at::scalar_tensor(own.step(), at::TensorOptions().dtype(at::kLong))}};
  }
  std::unique_ptr<torch::optim::OptimizerParamState> write(const NamedTensors& values) const override {
    auto state = std::make_unique<State>();
    state->exp_avg(values.at("exp_avg")).exp_avg_sq(values.at("exp_avg_sq"));
    state->step(values.at("step").item<int64_t>());
    return state;
  }
};

using Adam = AdamLike<torch::optim::Adam, torch::optim::AdamOptions, torch::optim::AdamParamState>;
using AdamW = AdamLike<torch::optim::AdamW, torch::optim::AdamWOptions, torch::optim::AdamWParamState>;

const Algorithm& algorithm_named(const std::string& type) {
  static const std::map<std::string, std::shared_ptr<const Algorithm>> known = {
      {"adam", std::make_shared<Adam>()}, {"adamw", std::make_shared<AdamW>()}, {"sgd", std::make_shared<Sgd>()}};
  const auto it = known.find(type);
  if (it == known.end())
    throw InputError("optimizer.type: unknown optimizer \"{}\"{}", type, did_you_mean(type, {"adam", "adamw", "sgd"}));
  return *it->second;
}

const Algorithm& algorithm_of(const torch::optim::Optimizer& optimizer) {
  if (dynamic_cast<const torch::optim::SGD*>(&optimizer) != nullptr) return algorithm_named("sgd");
  return algorithm_named(dynamic_cast<const torch::optim::AdamW*>(&optimizer) != nullptr ? "adamw" : "adam");
}

void check_options(const OptimizerOptions& options, const std::vector<std::string>& tasks) {
  const auto in_unit = [](double beta) { return beta >= 0 && beta < 1; };
  if (options.betas.size() != 2 || !std::all_of(options.betas.begin(), options.betas.end(), in_unit))
    throw InputError("optimizer.betas: must be two numbers, each ≥ 0 and < 1");
  if (options.nesterov && options.momentum <= 0) throw InputError("optimizer.nesterov: needs a momentum > 0");
  if (options.balancing.weight_decay.value_or(0.0) != 0.0)
    throw InputError("optimizer.balancing.weight_decay: learnable scales are never decayed");
  for (const auto& [task, lr] : options.task_lr)
    if (std::find(tasks.begin(), tasks.end(), task) == tasks.end())
      throw InputError("optimizer.task_lr.{}: there is no task of this name{}", task, did_you_mean(task, tasks));
}

// The group of one model parameter, before the decay split; no parameters in it yet.
ParameterGroup group_of(const OptimizerOptions& options, const ModelParameter& parameter,
                        const std::vector<std::string>& tasks) {
  const bool shared = parameter.role == Role::shared;
  const GroupOptions& own = shared ? options.shared : options.heads;
  ParameterGroup group{
      shared ? "shared" : "heads", {}, own.lr.value_or(options.lr), own.weight_decay.value_or(options.weight_decay)};
  if (shared) return group;
  const std::string& task = tasks.at(static_cast<size_t>(parameter.task));
  if (const auto rate = options.task_lr.find(task); rate != options.task_lr.end()) {
    group.name = "heads." + task;
    group.lr = rate->second;
  }
  return group;
}

void add_parameter(std::vector<ParameterGroup>& groups, ParameterGroup group, const std::string& name,
                   const at::Tensor& tensor) {
  const auto same = [&](const ParameterGroup& known) { return known.name == group.name; };
  auto it = std::find_if(groups.begin(), groups.end(), same);
  if (it == groups.end()) it = groups.insert(groups.end(), std::move(group));
  it->parameters.emplace_back(name, tensor);
}

// Shared first, then heads, then balancing; each undivided or with its part that is not decayed.
std::vector<ParameterGroup> make_groups(const OptimizerOptions& options, const std::vector<ModelParameter>& model,
                                        const NamedTensors& balancing, const std::vector<std::string>& tasks) {
  std::vector<ParameterGroup> shared, heads;
  for (const auto& parameter : model) {
    ParameterGroup group = group_of(options, parameter, tasks);
    if (!options.decay_norm_and_bias && parameter.tensor.dim() <= 1) {
      group.name += ".no_decay";
      group.weight_decay = 0.0;
    }
    add_parameter(parameter.role == Role::shared ? shared : heads, group, parameter.name, parameter.tensor);
  }
  std::vector<ParameterGroup> groups = std::move(shared);
  groups.insert(groups.end(), heads.begin(), heads.end());
  for (const auto& [name, tensor] : balancing)
    add_parameter(groups, {"balancing", {}, options.balancing.lr.value_or(options.lr), 0.0}, name, tensor);
  return groups;
}

void check_slot(const std::string& name, const at::Tensor& value, const at::Tensor& parameter) {
  if (value.sizes() != parameter.sizes() || value.scalar_type() != parameter.scalar_type())
    throw InputError("optimizer state: tensor \"{}\" is {} {}, its parameter is {} {}", name,
                     c10::toString(value.scalar_type()), c10::str(value.sizes()),
                     c10::toString(parameter.scalar_type()), c10::str(parameter.sizes()));
}

void check_steps(const std::string& name, const at::Tensor& value) {
  if (value.scalar_type() != at::kLong || value.numel() != 1 || value.item<int64_t>() < 0)
    throw InputError("optimizer state: tensor \"{}\" must be one int64 number ≥ 0", name);
}

// A copy laid out like the parameter, so that arithmetic goes on exactly as it would have.
at::Tensor copy_like(const at::Tensor& parameter, const at::Tensor& value) {
  return at::empty_like(parameter.detach()).copy_(value);
}

// What `state` holds for one parameter, checked; empty where it holds nothing. Names found go into `used`.
NamedTensors values_of(const Algorithm& algorithm, const NamedTensors& state, const std::string& name,
                       const at::Tensor& parameter, std::set<std::string>& used) {
  std::vector<std::string> wanted = algorithm.slots();
  if (algorithm.counts_steps()) wanted.emplace_back("step");
  NamedTensors values;
  std::string missing;
  for (const auto& slot : wanted) {
    const auto it = state.find(name + "." + slot);
    if (it == state.end()) {
      missing = name + "." + slot;
      continue;
    }
    used.insert(it->first);
    if (slot == "step")
      check_steps(it->first, it->second);
    else
      check_slot(it->first, it->second, parameter);
    values[slot] = slot == "step" ? it->second : copy_like(parameter, it->second);
  }
  if (!values.empty() && !missing.empty()) throw InputError("optimizer state: tensor \"{}\" is missing", missing);
  return values;
}

}  // namespace

void GroupOptions::fields(Fields& f) {
  f.field("lr", lr, "learning rate; the section's where not given", at_least(0));
  f.field("weight_decay", weight_decay, "weight decay; the section's where not given", at_least(0));
}

void OptimizerOptions::fields(Fields& f) {
  f.field("type", type, "stochastic gradient descent, Adam, or Adam with decoupled weight decay",
          one_of({"sgd", "adam", "adamw"}));
  f.field("lr", lr, "learning rate", at_least(0));
  f.field("weight_decay", weight_decay, "adamw: decoupled; sgd, adam: L2 penalty. Balancing scales are never decayed",
          at_least(0));
  f.field("decay_norm_and_bias", decay_norm_and_bias, "false: parameters with one dimension or none are not decayed");
  f.field("momentum", momentum, "sgd: momentum", below_one());
  f.field("nesterov", nesterov, "sgd: Nesterov's momentum");
  f.field("betas", betas, "adam, adamw: decay of the running means of gradient and squared gradient", below_one());
  f.field("eps", eps, "adam, adamw: added to the root of the mean squared gradient", at_least(0));
  f.section("shared", shared, "the shared parameters");
  f.section("heads", heads, "the tasks' own parameters");
  RateOnly rate{balancing};
  f.section("balancing", rate, "the balancing method's learnable scales, never decayed");
  f.field("task_lr", task_lr, "learning rates of single tasks' own parameters, by task", at_least(0));
}

GroupedOptimizer::GroupedOptimizer(const OptimizerOptions& options, const std::vector<ModelParameter>& model,
                                   const NamedTensors& balancing, const std::vector<std::string>& tasks) {
  const Algorithm& algorithm = algorithm_named(options.type);
  check_options(options, tasks);
  groups_ = make_groups(options, model, balancing, tasks);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (const auto& group : groups_) {
    std::vector<at::Tensor> tensors;
    for (const auto& [name, tensor] : group.parameters) tensors.push_back(tensor);
    groups.emplace_back(std::move(tensors), algorithm.options(options, group.lr, group.weight_decay));
  }
  optimizer_ = algorithm.create(std::move(groups));
}

GroupedOptimizer::~GroupedOptimizer() = default;

void GroupedOptimizer::set_factor(double factor) {
  for (size_t i = 0; i < groups_.size(); ++i) optimizer_->param_groups()[i].options().set_lr(groups_[i].lr * factor);
}

void GroupedOptimizer::step() { optimizer_->step(); }

void GroupedOptimizer::zero_grad() {
  for (auto& group : groups_)
    for (auto& [name, tensor] : group.parameters)
      if (tensor.grad().defined()) tensor.mutable_grad() = at::Tensor();
}

NamedTensors GroupedOptimizer::state() const {
  const Algorithm& algorithm = algorithm_of(*optimizer_);
  NamedTensors result;
  for (const auto& group : groups_) {
    for (const auto& [name, tensor] : group.parameters) {
      const auto it = optimizer_->state().find(optimizer_state_key(tensor));
      if (it == optimizer_->state().end()) continue;
      for (const auto& [slot, value] : algorithm.read(*it->second)) result[name + "." + slot] = value;
    }
  }
  return result;
}

void GroupedOptimizer::load_state(const NamedTensors& state) {
  const Algorithm& algorithm = algorithm_of(*optimizer_);
  std::map<OptimizerStateKey, std::unique_ptr<torch::optim::OptimizerParamState>> loaded;
  std::set<std::string> used;
  for (const auto& group : groups_) {
    for (const auto& [name, tensor] : group.parameters) {
      const NamedTensors values = values_of(algorithm, state, name, tensor, used);
      if (!values.empty()) loaded[optimizer_state_key(tensor)] = algorithm.write(values);
    }
  }
  for (const auto& [name, tensor] : state)
    if (used.count(name) == 0)
      throw InputError("optimizer state: tensor \"{}\" belongs to no parameter of this optimizer", name);
  optimizer_->state().clear();
  for (auto& [key, value] : loaded) optimizer_->state()[key] = std::move(value);
}

}  // namespace polytask
