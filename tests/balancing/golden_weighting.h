#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/core/error.h>

#include <balancing/golden_runner.h>
#include <balancing/support.h>

#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>
#include <torch/types.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace polytask {

/// The convention named after a peer.
inline std::string convention_of(const GoldenCase& one) {
  static const std::map<std::string, std::string> names = {{"LibMTL", "libmtl"},
                                                           {"TorchJD", "torchjd"},
                                                           {"nash-mtl", "nash"},
                                                           {"SamsungLabs-MTL", "samsung"},
                                                           {"AutomaticWeightedLoss", "automatic_weighted_loss"}};
  const auto found = names.find(one.peer());
  if (found == names.end()) throw InputError("no convention is known for \"{}\"", one.peer());
  return found->second;
}

inline Node method_node(const std::string& name) { return Node::map_of({{"method", Node::scalar_of(name)}}); }

inline Node method_with_convention(const std::string& name, const GoldenCase& one) {
  Node node = method_node(name);
  node.set("convention", Node::scalar_of(convention_of(one)));
  return node;
}

inline std::unique_ptr<Balancer> make_golden_balancer(const Node& node, size_t tasks) {
  auto balancer = balancers().create(node);
  balancer->method().setup(numbered_tasks(tasks));
  return balancer;
}

/// The normals that the peer drew.
inline GivenNormals golden_normals(const GoldenCase& one) {
  return GivenNormals(one.has("draws") ? golden_numbers(*one.at("draws").find("normal")) : std::vector<double>{});
}

/// One backward pass of a stateless method on losses L_t + g_t·θ at θ = 0, as the harness of the golden files had them.
inline GoldenResult run_joint(const GoldenCase& one, const Node& options) {
  auto rows = one.has("grads") ? golden_rows(one.at("grads")) : std::vector<std::vector<double>>{};
  auto values = one.has("losses") ? golden_numbers(one.at("losses")) : std::vector<double>(rows.size(), 1.0);
  if (rows.empty()) rows.assign(values.size(), {0.0});
  const at::Tensor theta =
      torch::zeros({static_cast<int64_t>(rows.front().size())}, torch::kDouble).set_requires_grad(true);
  std::vector<at::Tensor> losses;
  for (size_t t = 0; t < rows.size(); ++t)
    losses.push_back(values[t] + (torch::tensor(rows[t], torch::kDouble) * theta).sum());
  GivenNormals normals = golden_normals(one);
  LossState state = LossState::of(values);
  state.draws = &normals;
  const auto balancer = make_golden_balancer(options, values.size());
  const std::vector<ModelParameter> none;
  const Weights weights = balancer->backward({losses, none}, state);
  const at::Tensor direction = theta.grad();
  return {{"weights", weights.w},
          {"loss", {weights.objective}},
          {"value", {weights.objective}},
          {"direction", {direction.data_ptr<double>(), direction.data_ptr<double>() + direction.numel()}}};
}

inline std::unique_ptr<torch::optim::Optimizer> golden_optimizer(const GoldenCase& one,
                                                                 const std::vector<at::Tensor>& parameters) {
  const std::string name = one.param("optimizer").text();
  const double lr = golden_number(one.param("lr")), decay = one.param_or("weight_decay", 0);
  if (name.rfind("sgd", 0) == 0)
    return std::make_unique<torch::optim::SGD>(
        parameters, torch::optim::SGDOptions(lr).momentum(one.param_or("momentum", 0)).weight_decay(decay));
  if (name.rfind("adam", 0) != 0) throw InputError("no optimizer is known for \"{}\"", name);
  torch::optim::AdamOptions options(lr);
  options.weight_decay(decay).eps(one.param_or("eps", 1e-8));
  if (const Node* betas = one.at("params").find("betas")) {
    const auto given = golden_numbers(*betas);
    options.betas(std::make_tuple(given.at(0), given.at(1)));
  }
  return std::make_unique<torch::optim::Adam>(parameters, options);
}

/// The learnable scales "<kind>.t0", "<kind>.t1", … in the order of the tasks.
inline std::vector<at::Tensor> golden_scales(Balancer& balancer, size_t tasks) {
  const NamedTensors named = balancer.method().parameters();
  const std::string kind = named.begin()->first.substr(0, named.begin()->first.find('.'));
  std::vector<at::Tensor> scales;
  for (const auto& task : numbered_tasks(tasks)) scales.push_back(named.at(kind + "." + task.name));
  return scales;
}

/// Uncertainty weighting by the peer's convention, started where the case says.
inline std::unique_ptr<Balancer> make_golden_uncertainty(const GoldenCase& one, size_t tasks) {
  Node options = method_with_convention("uncertainty", one);
  auto balancer = make_golden_balancer(options, tasks);
  const double initial = golden_number(one.param("init"));
  if (golden_scales(*balancer, tasks)[0].item<double>() == initial) return balancer;
  const bool is_sigma = balancer->method().parameters().count("sigma.t0") != 0;
  options.set("initial_log_vars", Node::scalar_of(number_text(is_sigma ? 2 * std::log(initial) : initial)));
  return make_golden_balancer(options, tasks);
}

/// A sequence of losses, the scales stepped by the case's optimizer after each.
inline GoldenResult run_uncertainty(const GoldenCase& one) {
  const auto sequence = golden_rows(one.at("loss_sequence"));
  const auto balancer = make_golden_uncertainty(one, sequence.front().size());
  const auto scales = golden_scales(*balancer, sequence.front().size());
  const auto optimizer = golden_optimizer(one, scales);
  std::vector<double> weights, parameters, totals;
  const auto record = [&] {
    for (const auto& scale : scales) parameters.push_back(scale.item<double>());
  };
  record();
  for (const auto& losses : sequence) {
    const LossState state = LossState::of(losses);
    optimizer->zero_grad();
    const Weights got = weighting_of(*balancer).weigh(state, true);
    optimizer->step();
    balancer->method().after_step(state);
    weights.insert(weights.end(), got.w.begin(), got.w.end());
    totals.push_back(got.objective);
    record();
  }
  return {{"weights_per_step", weights},
          {"log_var_per_step", parameters},
          {"parameter_per_step", parameters},
          {"total_loss_per_step", totals}};
}

/// The methods that weigh losses and nothing else.
inline GoldenMethods weighting_methods() {
  const auto equal = [](const char* normalize) {
    return [normalize](const GoldenCase& one) {
      Node options = method_with_convention("equal", one);
      if (normalize != nullptr) options.set("normalize", Node::scalar_of(normalize));
      return run_joint(one, options);
    };
  };
  const auto plain = [](const char* name) {
    return [name](const GoldenCase& one) { return run_joint(one, method_node(name)); };
  };
  const auto fixed = [](const GoldenCase& one) {
    Node options = method_node("fixed");
    options.set("weights", one.param("weights"));
    return run_joint(one, options);
  };
  const auto scale_invariant = [](const GoldenCase& one) {
    return run_joint(one, method_with_convention("scale_invariant", one));
  };
  return {{"EW", equal(nullptr)},  {"Mean", equal(nullptr)},    {"Sum", equal("sum")},
          {"Constant", fixed},     {"GLS", plain("geometric")}, {"GeometricMean", plain("geometric")},
          {"SI", scale_invariant}, {"RLW", plain("random")},    {"UW", run_uncertainty}};
}

}  // namespace polytask
