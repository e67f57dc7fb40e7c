#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/core/random.h>

#include <balancing/support.h>

#include <torch/optim/adam.h>
#include <torch/serialize.h>
#include <torch/types.h>

#include <cmath>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// The same draws for every task and step: a method that draws treats all tasks alike, and a task more or less changes
/// nothing for the others.
class ConstantDraws : public Draws {
 public:
  std::vector<int64_t> order(const std::string&, int64_t n) override {
    std::vector<int64_t> identity;
    for (int64_t i = 0; i < n; ++i) identity.push_back(i);
    return identity;
  }
  std::vector<double> uniforms(const std::string&, int64_t n) override {
    return std::vector<double>(static_cast<size_t>(n), 0.375);
  }
  std::vector<double> normals(const std::string&, int64_t n) override {
    return std::vector<double>(static_cast<size_t>(n), 0.5);
  }
};

struct TinyOptions {
  std::vector<int64_t> tasks = {0, 1, 2};  ///< numbers of the tasks; the same number is the same task in every network
  bool equal = false;                      ///< all tasks are task 0
  bool drawn = true;                       ///< draws from a stream; false: ConstantDraws
};

/// A small network with a tanh layer and a head per task, in float64, trained by a balancer and Adam on batches that
/// differ from step to step: all that a checkpoint holds can be saved and loaded.
class TinyTraining {
 public:
  TinyTraining(const Node& section, TinyOptions options)
      : options_(std::move(options)), random_(5, "balance"), drawn_(random_) {
    at::manual_seed(7);
    add("encoder.fc.weight", torch::randn({3, 4}, torch::kDouble), Role::shared, -1);
    add("encoder.fc.bias", torch::randn({3}, torch::kDouble), Role::shared, -1);
    for (size_t t = 0; t < count(); ++t) {
      at::manual_seed(100 + number(t));
      add("heads.t" + std::to_string(t) + ".weight", torch::randn({1, 3}, torch::kDouble), Role::task,
          static_cast<int64_t>(t));
    }
    balancer_ = balancers().create(section);
    std::vector<std::string> names;
    for (int64_t task : options_.tasks) names.push_back("t" + std::to_string(task));
    balancer_->method().setup(tasks_named(names));
    balancer_->prepare({parameters_, "encoder.fc"});
    std::vector<at::Tensor> stepped;
    for (const auto& parameter : parameters_) stepped.push_back(parameter.tensor);
    for (const auto& [name, scale] : balancer_->method().parameters()) stepped.push_back(scale);
    optimizer_ = std::make_unique<torch::optim::Adam>(stepped, torch::optim::AdamOptions(0.02));
  }

  size_t count() const { return options_.tasks.size(); }
  Balancer& balancer() { return *balancer_; }
  const std::vector<ModelParameter>& parameters() const { return parameters_; }
  int64_t steps_taken() const { return step_; }

  /// Leaves gradients of the step's batches in place; `absent` are positions of tasks without a label.
  Weights backward(const std::vector<size_t>& absent = {}) {
    optimizer_->zero_grad();
    for (auto& parameter : parameters_) parameter.tensor.mutable_grad() = at::Tensor();
    const int64_t samples = balancer_->method().needs().independent_batches;
    Weights weights;
    for (int64_t sample = 0; sample < samples; ++sample) {
      const bool split = balancer_->splits_graph();
      const at::Tensor features = encode(sample);
      const at::Tensor fed = split ? features.detach().set_requires_grad(true) : features;
      auto losses = losses_of(fed, sample);
      state_ = state_of(losses, absent);
      BackwardContext context{losses, parameters_};
      if (split) {
        context.features = {{features}};
        context.leaves = {{fed}};
      }
      context.sample = sample;
      context.last = sample + 1 == samples;
      weights = balancer_->backward(context, state_);
    }
    return weights;
  }

  Weights step(const std::vector<size_t>& absent = {}) {
    const Weights weights = backward(absent);
    optimizer_->step();
    if (balancer_->method().needs().second_loss) {
      at::NoGradGuard off;
      const auto after = losses_of(encode(0), 0);
      for (size_t t = 0; t < count(); ++t)
        if (state_.present[t]) state_.losses[t] = after[t].item<double>();
    }
    balancer_->method().after_step(state_);
    if (++step_ % kStepsPerEpoch == 0) epoch_losses_.push_back(last_losses_);
    return weights;
  }

  /// The gradient of one loss alone over the shared parameters, as one vector.
  std::vector<double> plain_gradient(size_t task) {
    for (auto& parameter : parameters_) parameter.tensor.mutable_grad() = at::Tensor();
    losses_of(encode(0), 0)[task].backward();
    return gradients(Role::shared);
  }
  /// Gradients as they stand, 0 where there are none; `task`: only of that task's head.
  std::vector<double> gradients(Role role, int64_t task = -1) const {
    std::vector<double> result;
    for (const auto& parameter : parameters_) {
      if (parameter.role != role || parameter.task != task) continue;
      const at::Tensor grad =
          parameter.tensor.grad().defined() ? parameter.tensor.grad().contiguous() : at::zeros_like(parameter.tensor);
      result.insert(result.end(), grad.data_ptr<double>(), grad.data_ptr<double>() + grad.numel());
    }
    return result;
  }
  /// Every parameter and every learnable scale.
  std::vector<at::Tensor> values() {
    std::vector<at::Tensor> result;
    for (const auto& parameter : parameters_) result.push_back(parameter.tensor.detach().clone());
    for (const auto& [name, scale] : balancer_->method().parameters()) result.push_back(scale.detach().clone());
    return result;
  }

  struct Checkpoint {
    std::vector<at::Tensor> values;
    std::string optimizer;
    NamedTensors balancer;
    std::vector<int64_t> random;
    int64_t step = 0;
    std::vector<std::vector<double>> epoch_losses;
  };
  Checkpoint save() {
    Checkpoint saved{values(), "", {}, random_.state(), step_, epoch_losses_};
    std::ostringstream stream;
    torch::save(*optimizer_, stream);
    saved.optimizer = stream.str();
    for (const auto& [name, tensor] : balancer_->state()) saved.balancer[name] = tensor.detach().clone();
    return saved;
  }
  void load(const Checkpoint& saved, bool with_balancer = true) {
    at::NoGradGuard off;
    size_t next = 0;
    for (auto& parameter : parameters_) parameter.tensor.copy_(saved.values.at(next++));
    for (const auto& [name, scale] : balancer_->method().parameters()) {
      at::Tensor target = scale;
      target.copy_(saved.values.at(next++));
    }
    std::istringstream stream(saved.optimizer);
    torch::load(*optimizer_, stream);
    if (with_balancer) balancer_->load_state(saved.balancer);
    random_.set_state(saved.random);
    step_ = saved.step;
    epoch_losses_ = saved.epoch_losses;
  }

 private:
  static constexpr int64_t kStepsPerEpoch = 2;

  uint64_t number(size_t t) const { return options_.equal ? 0 : static_cast<uint64_t>(options_.tasks[t]); }
  void add(const std::string& name, const at::Tensor& value, Role role, int64_t task) {
    parameters_.push_back({name, value.set_requires_grad(true), role, task});
  }
  at::Tensor input(int64_t sample) const {
    at::manual_seed(static_cast<uint64_t>(1000 + 10 * step_ + (options_.drawn ? sample : 0)));
    return torch::randn({6, 4}, torch::kDouble);
  }
  at::Tensor encode(int64_t sample) const {
    return at::tanh(at::addmm(parameters_[1].tensor, input(sample), parameters_[0].tensor.t()));
  }
  std::vector<at::Tensor> losses_of(const at::Tensor& features, int64_t sample) const {
    const at::Tensor x = input(sample);
    std::vector<at::Tensor> losses;
    for (size_t t = 0; t < count(); ++t) {
      const double task = static_cast<double>(number(t));
      const at::Tensor target = at::sin((1 + task) * x.select(1, 0)) + (task - 1) * x.select(1, 1) + 2;
      losses.push_back((features.matmul(parameters_[2 + t].tensor.t()).squeeze(1) - target).square().mean());
    }
    return losses;
  }
  LossState state_of(std::vector<at::Tensor>& losses, const std::vector<size_t>& absent) {
    std::vector<double> values, kpis;
    for (size_t t = 0; t < count(); ++t) {
      values.push_back(losses[t].item<double>());
      kpis.push_back(0.5 + 0.4 * std::sin(static_cast<double>(step_) + static_cast<double>(number(t))));
    }
    LossState state = LossState::of(values);
    last_losses_ = values;
    state.kpis = kpis;
    state.step = step_;
    state.epoch = step_ / kStepsPerEpoch;
    state.epoch_losses = epoch_losses_;
    state.draws = options_.drawn ? static_cast<Draws*>(&drawn_) : &constant_;
    for (size_t t : absent) {
      losses[t] = at::Tensor();
      state.present[t] = 0;
      state.losses[t] = state.kpis[t] = std::nan("");
    }
    return state;
  }

  TinyOptions options_;
  Random random_;
  StreamDraws drawn_;
  ConstantDraws constant_;
  std::vector<ModelParameter> parameters_;
  std::unique_ptr<Balancer> balancer_;
  std::unique_ptr<torch::optim::Adam> optimizer_;
  LossState state_;
  int64_t step_ = 0;
  std::vector<double> last_losses_;
  std::vector<std::vector<double>> epoch_losses_;
};

}  // namespace polytask
