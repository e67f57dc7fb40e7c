#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/nn/level_text.h>
#include <polytask/nn/sharing/experts.h>
#include <polytask/nn/sharing/mixing.h>

#include <fmt/format.h>

#include <ATen/ops/softmax.h>

#include <functional>
#include <numeric>
#include <utility>

namespace polytask {

int64_t values_of(const InputShape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<std::string> names_of(const std::vector<TaskHead>& tasks) {
  check_task_names(tasks);
  std::vector<std::string> names;
  for (const auto& task : tasks) names.push_back(task.name);
  return names;
}

Experts::Experts(std::vector<std::shared_ptr<Backbone>> networks) : networks_(std::move(networks)) {
  for (size_t e = 0; e < networks_.size(); ++e) {
    register_module(std::to_string(e), networks_[e]);
    const std::string own = levels_text(networks_[e]->levels()), first = levels_text(networks_[0]->levels());
    if (own != first)
      throw InputError("experts must offer the same levels to be mixed: expert 0 has {}, expert {} has {}", first, e,
                       own);
  }
}

std::shared_ptr<Experts> Experts::create(const Node& backbone, const InputShape& input, int64_t count, uint64_t seed,
                                         const std::string& stream) {
  std::vector<std::shared_ptr<Backbone>> networks;
  for (int64_t e = 0; e < count; ++e) {
    seed_torch(seed, fmt::format("init/{}/{}", stream, e));
    networks.push_back(backbones().create(backbone, input));
  }
  return std::make_shared<Experts>(std::move(networks));
}

std::vector<Level> Experts::levels() const {
  return networks_.empty() ? std::vector<Level>() : networks_.front()->levels();
}

std::vector<Features> Experts::forward(const at::Tensor& input) {
  std::vector<Features> results;
  for (const auto& network : networks_) results.push_back(network->forward(input));
  return results;
}

std::string Experts::last_layers(const std::string& prefix) const {
  std::string names;
  for (size_t e = 0; e < networks_.size(); ++e)
    names += (e > 0 ? "," : "") + last_layer_of(fmt::format("{}{}.", prefix, e), *networks_[e]);
  return names;
}

Features mix_levels(const std::vector<Features>& experts, const at::Tensor& weights) {
  Features mixed;
  for (size_t level = 0; level < experts.at(0).size(); ++level) {
    std::vector<at::Tensor> sources;
    for (const Features& expert : experts) sources.push_back(expert[level]);
    mixed.push_back(mix_samples(weights, sources));
  }
  return mixed;
}

SoftmaxGates::SoftmaxGates(const std::vector<std::string>& tasks, int64_t inputs, const std::vector<int64_t>& experts,
                           uint64_t seed) {
  for (size_t t = 0; t < tasks.size(); ++t) {
    seed_torch(seed, "init/gates/" + tasks[t]);
    gates_.push_back(register_module(tasks[t], torch::nn::Linear(inputs, experts.at(t))));
  }
}

at::Tensor SoftmaxGates::forward(size_t task, const at::Tensor& x) const {
  torch::nn::Linear gate = gates_.at(task);
  return at::softmax(gate->forward(x.flatten(1)), 1);
}

ExpertModel::ExpertModel(TrunkInput input, std::shared_ptr<Experts> shared, std::shared_ptr<torch::nn::Module> gates,
                         const ModelContext& context)
    : input_(std::move(input)),
      shared_(register_module("shared_experts", std::move(shared))),
      gates_(register_module("gates", std::move(gates))) {
  heads_ = register_module(
      "heads", std::make_shared<TaskHeads>(context.tasks, std::vector<std::vector<Level>>{shared_->levels()},
                                           context.input_shapes, context.seed));
}

at::Tensor ExpertModel::decode(int64_t task, const Features& features, const NamedTensors& inputs) {
  return heads_->forward(task, features, inputs);
}

std::vector<ModelParameter> ExpertModel::model_parameters() {
  std::vector<ModelParameter> result;
  add_parameters("shared_experts.", *shared_, Role::shared, -1, result);
  for (size_t t = 0; t < tasks().size(); ++t)
    add_parameters(fmt::format("gates.{}.", tasks()[t]), *gates_->named_children()[tasks()[t]], Role::task,
                   static_cast<int64_t>(t), result);
  heads_->add_parameters(result);
  return result;
}

}  // namespace polytask
