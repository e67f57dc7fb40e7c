#pragma once
#include <polytask/balancing/balancer.h>
#include <polytask/core/error.h>

#include <balancing/golden/runner.h>
#include <balancing/support.h>

#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>
#include <torch/types.h>

#include <algorithm>
#include <deque>
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
                                                           {"FAMO", "official"},
                                                           {"fairgrad", "official"},
                                                           {"MultiObjectiveOptimization", "sener"},
                                                           {"Pytorch-PCGrad", "weichengtseng"},
                                                           {"pytorch-grad-norm", "brianlan"},
                                                           {"gradnorm-pytorch", "lucidrains"},
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

/// Sets each option to the value of a golden parameter, where the case has it (and not as null).
inline void set_options(Node& options, const GoldenCase& one, const std::map<std::string, std::string>& param_of) {
  for (const auto& [option, param] : param_of)
    if (one.has_param(param)) options.set(option, one.param(param));
}

inline std::vector<double> numbers_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(torch::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

inline at::Tensor tensor_of(const std::vector<double>& values) { return torch::tensor(values, torch::kDouble); }

inline void append(GoldenResult& result, const std::string& key, const std::vector<double>& values) {
  auto& list = result[key];
  list.insert(list.end(), values.begin(), values.end());
}

/// Gives a result's numbers another name, where they are there.
inline void rename(GoldenResult& result, const std::string& from, const std::string& to) {
  const auto found = result.find(from);
  if (found == result.end()) return;
  result[to] = found->second;
  if (from != to) result.erase(from);
}

/// The draws of a case, in order: `order…`, `permutation…`, `uniform…`, `normal…`, of one step or of many.
class GoldenDraws : public Draws {
 public:
  explicit GoldenDraws(const GoldenCase& one) {
    if (!one.has("draws")) return;
    for (const auto& [key, value] : one.at("draws").entries()) {
      if (key.rfind("order", 0) == 0 || key.rfind("permutation", 0) == 0)
        for (const auto& list : golden_lists(value)) orders_.emplace_back(list.begin(), list.end());
      else
        for (double number : golden_numbers(value))
          (key.rfind("uniform", 0) == 0 ? uniforms_ : normals_).push_back(number);
    }
  }
  std::vector<int64_t> order(const std::string& name, int64_t n) override {
    if (orders_.empty()) throw InputError("{}: the case has no further order", name);
    std::vector<int64_t> next = std::move(orders_.front());
    orders_.pop_front();
    for (int64_t i = 0; i < n && static_cast<int64_t>(next.size()) < n; ++i)
      if (std::find(next.begin(), next.end(), i) == next.end()) next.push_back(i);
    if (static_cast<int64_t>(next.size()) != n) throw InputError("{}: the case's order is not of {}", name, n);
    return next;
  }
  std::vector<double> uniforms(const std::string& name, int64_t n) override { return take(uniforms_, name, n); }
  std::vector<double> normals(const std::string& name, int64_t n) override { return take(normals_, name, n); }

 private:
  static std::vector<double> take(std::deque<double>& from, const std::string& name, int64_t n) {
    if (static_cast<int64_t>(from.size()) < n) throw InputError("{}: the case has no {} further numbers", name, n);
    const std::vector<double> part(from.begin(), from.begin() + n);
    from.erase(from.begin(), from.begin() + n);
    return part;
  }
  std::deque<std::vector<int64_t>> orders_;
  std::deque<double> uniforms_, normals_;
};

/// The case's optimizer (`optimizer`, `lr`, `weight_decay`, `momentum`, `betas`, `eps`).
inline std::unique_ptr<torch::optim::Optimizer> golden_optimizer(const GoldenCase& one,
                                                                 const std::vector<at::Tensor>& parameters,
                                                                 const std::string& name_key = "optimizer",
                                                                 const std::string& rate_key = "lr") {
  const std::string name = one.param(name_key).text();
  const double lr = golden_number(one.param(rate_key)), decay = one.param_or("weight_decay", 0);
  if (name.rfind("sgd", 0) == 0)
    return std::make_unique<torch::optim::SGD>(
        parameters, torch::optim::SGDOptions(lr).momentum(one.param_or("momentum", 0)).weight_decay(decay));
  if (name.rfind("adam", 0) != 0) throw InputError("no optimizer is known for \"{}\"", name);
  torch::optim::AdamOptions options(lr);
  options.weight_decay(decay).eps(one.param_or("eps", 1e-8));
  if (one.has_param("betas")) {
    const auto given = golden_numbers(one.param("betas"));
    options.betas(std::make_tuple(given.at(0), given.at(1)));
  }
  return std::make_unique<torch::optim::Adam>(parameters, options);
}

/// The learnable scales "<kind>.t0", "<kind>.t1", … in the order of the tasks; none where the method has none.
inline std::vector<at::Tensor> golden_scales(Balancer& balancer, size_t tasks) {
  const NamedTensors named = balancer.method().parameters();
  if (named.empty()) return {};
  const std::string kind = named.begin()->first.substr(0, named.begin()->first.find('.'));
  std::vector<at::Tensor> scales;
  for (const auto& task : numbered_tasks(tasks)) scales.push_back(named.at(kind + "." + task.name));
  return scales;
}

inline std::vector<double> scale_values(const std::vector<at::Tensor>& scales) {
  std::vector<double> values;
  for (const auto& scale : scales) values.push_back(scale.item<double>());
  return values;
}

/// Shared parameters θ = 0 in two or more tensors of one module, and one parameter per head.
class LinearProbe {
 public:
  LinearProbe(const GoldenCase& one, int64_t tasks, int64_t columns) {
    std::vector<int64_t> split = {(columns + 1) / 2, columns / 2};
    if (one.has("param_split")) {
      split.clear();
      for (double part : golden_numbers(one.at("param_split"))) split.push_back(static_cast<int64_t>(part));
    }
    for (size_t i = 0; i < split.size(); ++i)
      if (split[i] > 0) add("encoder.p" + std::to_string(i), split[i], Role::shared, -1);
    shared_ = parameters_.size();
    for (int64_t t = 0; t < tasks; ++t) add("heads.t" + std::to_string(t) + ".p", 1, Role::task, t);
  }
  const std::vector<ModelParameter>& parameters() const { return parameters_; }
  ModelFacts facts() const { return {parameters_, "encoder"}; }
  void zero_grad() {
    for (auto& parameter : parameters_) parameter.tensor.mutable_grad() = at::Tensor();
  }
  /// c_t + g_t·θ + φ_t
  std::vector<at::Tensor> losses(const std::vector<double>& values,
                                 const std::vector<std::vector<double>>& rows) const {
    std::vector<at::Tensor> theta, result;
    for (size_t i = 0; i < shared_; ++i) theta.push_back(parameters_[i].tensor);
    const at::Tensor whole = at::cat(theta);
    for (size_t t = 0; t < rows.size(); ++t)
      result.push_back(values[t] + (tensor_of(rows[t]) * whole).sum() + parameters_[shared_ + t].tensor.sum());
    return result;
  }
  std::vector<double> direction() const { return gradients(0, shared_); }
  std::vector<double> heads() const { return gradients(shared_, parameters_.size()); }

 private:
  void add(const std::string& name, int64_t size, Role role, int64_t task) {
    parameters_.push_back({name, torch::zeros({size}, torch::kDouble).set_requires_grad(true), role, task});
  }
  std::vector<double> gradients(size_t begin, size_t end) const {
    std::vector<double> result;
    for (size_t i = begin; i < end; ++i) {
      const auto& tensor = parameters_[i].tensor;
      for (double value : numbers_of(tensor.grad().defined() ? tensor.grad() : torch::zeros_like(tensor)))
        result.push_back(value);
    }
    return result;
  }
  size_t shared_ = 0;
  std::vector<ModelParameter> parameters_;
};

inline std::unique_ptr<Balancer> make_golden_balancer(const Node& options, size_t tasks) {
  auto balancer = balancers().create(options);
  balancer->method().setup(numbered_tasks(tasks));
  return balancer;
}

inline std::unique_ptr<Balancer> make_golden_balancer(const Node& options, size_t tasks, const ModelFacts& facts) {
  auto balancer = make_golden_balancer(options, tasks);
  balancer->prepare(facts);
  return balancer;
}

}  // namespace polytask
