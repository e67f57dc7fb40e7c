#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/balancing/gradients/engine.h>

#include <torch/nn/functional/conv.h>
#include <torch/nn/functional/linear.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace polytask {

/// A small network with three tasks, written on bare tensors, with what plain autograd says of it.
class TinyNet {
 public:
  /// Kinds: mlp, mlp_no_bias, mlp_tanh, conv, batch_norm (a learned scale and shift), tied (one weight used twice),
  /// sequence (three-dimensional input).
  TinyNet(const std::string& kind, at::ScalarType dtype) : kind_(kind), dtype_(dtype) {
    torch::manual_seed(7);
    const bool conv = kind == "conv";
    const int64_t in = kind == "tied" ? 6 : 5;
    add("encoder.0.weight", conv ? std::vector<int64_t>{4, 2, 3, 3} : std::vector<int64_t>{6, in}, Role::shared);
    if (kind != "mlp_no_bias") add("encoder.0.bias", {conv ? 4 : 6}, Role::shared);
    if (kind != "tied") {
      add("encoder.1.weight", {4, conv ? 16 : 6}, Role::shared);
      if (kind != "mlp_no_bias") add("encoder.1.bias", {4}, Role::shared);
    }
    if (kind == "batch_norm") {
      add("encoder.2.weight", {4}, Role::shared);
      add("encoder.2.bias", {4}, Role::shared);
    }
    shared_ = parameters.size();
    for (int64_t t = 0; t < 3; ++t) {
      add("heads." + std::to_string(t) + ".weight", {2, kind == "tied" ? 6 : 4}, Role::task, t);
      add("heads." + std::to_string(t) + ".bias", {2}, Role::task, t);
    }
    last_shared_layer = kind == "tied" ? "encoder.0" : "encoder.1";
    for (int64_t b = 0; b < 2; ++b) {
      const std::vector<int64_t> rows = conv                 ? std::vector<int64_t>{3, 2, 5, 5}
                                        : kind == "sequence" ? std::vector<int64_t>{3, 2, in}
                                                             : std::vector<int64_t>{3, in};
      inputs_.push_back(torch::randn(rows, torch::dtype(dtype)));
      targets_.push_back(torch::randn({3, 3, 2}, torch::dtype(dtype)));
    }
  }

  std::vector<ModelParameter> parameters;
  std::string last_shared_layer;
  std::vector<int64_t> absent;           ///< tasks without a label anywhere
  std::vector<int64_t> absent_at_first;  ///< tasks without a label in batch 0
  int64_t step = 0, poisoned = -1;
  bool skip_tasks = false;

  at::Tensor represent(int64_t batch) const {
    const at::Tensor& x = inputs_[static_cast<size_t>(batch)];
    if (kind_ == "conv") {
      const auto map = torch::conv2d(x, at("encoder.0.weight"), at("encoder.0.bias"), /*stride=*/2, /*padding=*/1);
      return torch::relu(dense(torch::relu(map.slice(2, 0, 2).slice(3, 0, 2)).reshape({x.size(0), -1}), "encoder.1"));
    }
    const auto bend = [&](const at::Tensor& v) { return kind_ == "mlp_tanh" ? torch::tanh(v) : torch::relu(v); };
    at::Tensor hidden = bend(dense(x, "encoder.0"));
    if (kind_ == "tied") return bend(dense(hidden, "encoder.0"));
    hidden = bend(dense(hidden, "encoder.1"));
    if (kind_ == "batch_norm") hidden = hidden * at("encoder.2.weight") + at("encoder.2.bias");
    return kind_ == "sequence" ? hidden.mean(1) : hidden;
  }

  at::Tensor loss(int64_t task, const at::Tensor& features, int64_t batch) const {
    const auto output = dense(features, "heads." + std::to_string(task));
    const auto value = (output - targets_[static_cast<size_t>(batch)][task]).pow(2).mean();
    return poisoned == task ? value * 0 + torch::sqrt(features.sum() * 0) : value;
  }

  Weights backward(Balancer& balancer, int64_t batch, int64_t batches, bool apart) {
    const at::Tensor features = represent(batch);
    const at::Tensor leaf = apart ? features.detach().requires_grad_() : features;
    std::vector<at::Tensor> losses(3);
    LossState state = LossState::of({0, 0, 0});
    state.share = 1.0 / static_cast<double>(batches);
    state.step = step;
    for (int64_t t = 0; t < 3; ++t) {
      state.present[static_cast<size_t>(t)] = is_absent(t, batch) ? 0 : 1;
      if (is_absent(t, batch)) continue;
      losses[static_cast<size_t>(t)] = loss(t, leaf, batch);
      state.losses[static_cast<size_t>(t)] = losses[static_cast<size_t>(t)].item<double>();
    }
    BackwardContext context{losses, parameters};
    if (apart) {
      // One level that no head reads stands before the one that they read.
      context.features = {{features * 2, features}};
      context.leaves = {{(features * 2).detach().requires_grad_(), leaf}};
    }
    context.last = batch + 1 == batches;
    context.skip_tasks = skip_tasks;
    return balancer.backward(context, state);
  }

  void zero_grad() {
    for (auto& parameter : parameters) parameter.tensor.mutable_grad() = at::Tensor();
  }
  std::vector<at::Tensor> gradients() const {
    std::vector<at::Tensor> result;
    for (const auto& parameter : parameters) result.push_back(parameter.tensor.grad());
    return result;
  }

  /// Gradient of every task, [3][parameters], mean over `batches`; undefined ones are zero.
  std::vector<std::vector<at::Tensor>> task_gradients(int64_t batches = 1) const {
    std::vector<std::vector<at::Tensor>> result(3);
    for (int64_t t = 0; t < 3; ++t) {
      at::Tensor total;
      for (int64_t b = 0; b < batches; ++b) {
        const double share = is_absent_at_first(t, b) ? 0.0 : 1.0 / static_cast<double>(batches);
        const auto value = loss(t, represent(b), b) * share;
        total = total.defined() ? total + value : value;
      }
      std::vector<at::Tensor> inputs;
      for (const auto& parameter : parameters)
        if (parameter.tensor.requires_grad()) inputs.push_back(parameter.tensor);
      const auto found = torch::autograd::grad({total}, inputs, {}, false, false, true);
      size_t next = 0;
      for (const auto& parameter : parameters) {
        at::Tensor gradient = parameter.tensor.requires_grad() ? found[next++] : at::Tensor();
        result[static_cast<size_t>(t)].push_back(gradient.defined() ? gradient : torch::zeros_like(parameter.tensor));
      }
    }
    return result;
  }
  std::vector<at::Tensor> shared_rows(int64_t batches = 1, const std::string& module = "encoder") const {
    std::vector<at::Tensor> rows;
    for (const auto& gradients : task_gradients(batches)) {
      std::vector<at::Tensor> parts;
      for (size_t i = 0; i < shared_; ++i)
        if (parameters[i].name.rfind(module, 0) == 0) parts.push_back(gradients[i].flatten());
      rows.push_back(torch::cat(parts));
    }
    return rows;
  }
  std::vector<at::Tensor> feature_rows(int64_t batches) const {
    std::vector<at::Tensor> rows;
    for (int64_t t = 0; t < 3; ++t) {
      std::vector<at::Tensor> parts;
      for (int64_t b = 0; b < batches; ++b) {
        const auto leaf = represent(b).detach().requires_grad_();
        const double share = is_absent_at_first(t, b) ? 0.0 : 1.0 / static_cast<double>(batches);
        const auto gradient = torch::autograd::grad({loss(t, leaf, b) * share}, {leaf})[0];
        parts.push_back(gradient.flatten());
      }
      rows.push_back(torch::cat(parts));
    }
    return rows;
  }
  Matrix gram_of(const std::vector<at::Tensor>& rows) const {
    Matrix gram(3, 3);
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 3; ++j)
        gram(i, j) = torch::dot(rows[static_cast<size_t>(i)], rows[static_cast<size_t>(j)]).item<double>();
    return gram;
  }
  std::vector<at::Tensor> expected_gradients(const std::vector<double>& w, const std::vector<double>& heads,
                                             int64_t batches = 1) const {
    const auto tasks = task_gradients(batches);
    std::vector<at::Tensor> result;
    for (size_t i = 0; i < parameters.size(); ++i) {
      at::Tensor sum = torch::zeros_like(parameters[i].tensor);
      const int64_t own = parameters[i].task;
      for (size_t t = 0; t < 3; ++t)
        if (own < 0) sum = sum + w[t] * tasks[t][i];
      if (own >= 0) sum = heads[static_cast<size_t>(own)] * tasks[static_cast<size_t>(own)][i];
      const bool untouched = own >= 0 && is_absent(own);
      result.push_back(untouched || !parameters[i].tensor.requires_grad() ? at::Tensor() : sum.detach());
    }
    return result;
  }

  int64_t shared_size() const {
    int64_t size = 0;
    for (size_t i = 0; i < shared_; ++i) size += parameters[i].tensor.numel();
    return size;
  }
  /// Bytes of T × P matrices that an engine holds after a batch.
  int64_t buffer_bytes(const std::string& gram) {
    EngineOptions options;
    options.gram = gram;
    GradientEngine engine(options);
    engine.prepare({parameters, last_shared_layer});
    const at::Tensor features = represent(0);
    const at::Tensor leaf = features.detach().requires_grad_();
    std::vector<at::Tensor> losses;
    for (int64_t t = 0; t < 3; ++t) losses.push_back(loss(t, leaf, 0));
    BackwardContext context{losses, parameters};
    context.features = {{features}};
    context.leaves = {{leaf}};
    engine.add(context, LossState::of({1, 1, 1}));
    return engine.buffer_bytes();
  }

 private:
  void add(const std::string& name, const std::vector<int64_t>& shape, Role role, int64_t task = -1) {
    parameters.push_back({name, torch::randn(shape, torch::dtype(dtype_)).requires_grad_(), role, task});
  }
  at::Tensor at(const std::string& name) const {
    for (const auto& parameter : parameters)
      if (parameter.name == name) return parameter.tensor;
    return {};
  }
  at::Tensor dense(const at::Tensor& x, const std::string& layer) const {
    return torch::nn::functional::linear(x, at(layer + ".weight"), at(layer + ".bias"));
  }
  bool is_absent_at_first(int64_t task, int64_t batch) const {
    return batch == 0 && std::find(absent_at_first.begin(), absent_at_first.end(), task) != absent_at_first.end();
  }
  bool is_absent(int64_t task, int64_t batch) const { return is_absent(task) || is_absent_at_first(task, batch); }
  bool is_absent(int64_t task) const { return std::find(absent.begin(), absent.end(), task) != absent.end(); }

  std::string kind_;
  at::ScalarType dtype_;
  size_t shared_ = 0;
  std::vector<at::Tensor> inputs_, targets_;
};

}  // namespace polytask
