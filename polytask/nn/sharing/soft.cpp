#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/core/suggest.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/experts.h>
#include <polytask/nn/sharing/soft.h>

#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace polytask {
namespace {

using Groups = std::vector<std::vector<size_t>>;

size_t task_of(const Node& name, const std::vector<std::string>& tasks) {
  const auto found = name.is_scalar() ? std::find(tasks.begin(), tasks.end(), name.text()) : tasks.end();
  if (found == tasks.end())
    throw InputError("{}: there is no task \"{}\"{}", name.where(), name.text(), did_you_mean(name.text(), tasks));
  return static_cast<size_t>(found - tasks.begin());
}

// All tasks together where no groups are given; a task in no group stays on its own.
Groups groups_of(const Node& list, const std::vector<std::string>& tasks) {
  if (list.is_null()) {
    std::vector<size_t> all(tasks.size());
    std::iota(all.begin(), all.end(), size_t{0});
    return {all};
  }
  Groups groups;
  std::set<size_t> seen;
  if (!list.is_sequence())
    throw InputError("{}: expected a list of lists of tasks, for example [[a, b], [c, d]]", list.where());
  for (const Node& group : list.items()) {
    if (!group.is_sequence() || group.items().size() < 2)
      throw InputError("{}: a group is a list of at least two tasks; leave out a task that is to stay on its own",
                       group.where());
    groups.emplace_back();
    for (const Node& name : group.items()) {
      groups.back().push_back(task_of(name, tasks));
      if (!seen.insert(groups.back().back()).second)
        throw InputError("{}: task \"{}\" is named twice: it can be in one group only", name.where(), name.text());
    }
  }
  return groups;
}

std::unique_ptr<Model> create_soft(const SoftOptions& options, const ModelContext& context) {
  TrunkInput input(options.input, context);
  const auto tasks = names_of(context.tasks);
  const Groups groups = groups_of(options.groups, tasks);
  std::vector<std::shared_ptr<Backbone>> networks;
  for (const auto& task : tasks) {
    seed_torch(context.seed, options.same_start ? "init/backbones" : "init/backbones/" + task);
    networks.push_back(backbones().create(options.backbone, input.shape()));
  }
  return std::make_unique<SoftSharing>(std::move(input), std::move(networks), groups, options.strength,
                                       options.norm == "trace", context);
}

bool is_batch_norm(const torch::nn::Module& module) {
  return dynamic_cast<const torch::nn::BatchNorm1dImpl*>(&module) != nullptr ||
         dynamic_cast<const torch::nn::BatchNorm2dImpl*>(&module) != nullptr ||
         dynamic_cast<const torch::nn::BatchNorm3dImpl*>(&module) != nullptr;
}

// Parameters outside of batch normalisation, in the order of the modules.
std::vector<at::Tensor> weights_of(const torch::nn::Module& network) {
  std::vector<at::Tensor> result;
  for (const auto& module : network.modules()) {
    if (is_batch_norm(*module)) continue;
    for (const auto& parameter : module->parameters(/*recurse=*/false)) result.push_back(parameter);
  }
  return result;
}

}  // namespace

at::Tensor squared_distances(const std::vector<at::Tensor>& weights) {
  // Σ over i < j of ‖W_i − W_j‖² = T Σ ‖W_i − mean‖².
  const at::Tensor rows = at::stack(weights);
  return static_cast<double>(weights.size()) * (rows - rows.mean(0)).square().sum();
}

at::Tensor trace_norm(const std::vector<at::Tensor>& weights) {
  const at::Tensor rows = at::stack(weights).flatten(1).to(at::kDouble);
  const at::Tensor squares = at::linalg_eigvalsh(at::matmul(rows, rows.t())).clamp_min(0);
  return (squares + 1e-12).sqrt().sum();
}

void SoftOptions::fields(Fields& f) {
  f.field("backbone", backbone, "the network that every task has: its type and options");
  f.field("strength", strength, "weight of the penalty in the objective; 0: the networks are independent", at_least(0));
  f.field("norm", norm,
          "l2: sum over pairs of tasks i < j, every pair once, of the squared distance of their weights and biases; "
          "trace: sum of the singular values of the matrix that has a row for each task, parameter by parameter",
          one_of({"l2", "trace"}));
  f.field("groups", groups,
          "lists of tasks whose networks are coupled, for example [[a, b], [c, d]], others on their own; left out: all "
          "together");
  f.field("same_start", same_start,
          "all networks start from the same values: units with the same place then stay comparable, which distances "
          "between weights presume");
  f.field("input", input, "the input that the networks read; empty: the only one that no head takes for itself");
}

SoftSharing::SoftSharing(TrunkInput input, std::vector<std::shared_ptr<Backbone>> networks, const Groups& groups,
                         double strength, bool trace, const ModelContext& context)
    : input_(std::move(input)), networks_(std::move(networks)), strength_(strength), trace_(trace) {
  const auto tasks = names_of(context.tasks);
  const auto group = register_module("backbones", std::make_shared<torch::nn::Module>("backbones"));
  std::vector<std::vector<Level>> levels;
  for (size_t t = 0; t < tasks.size(); ++t) {
    group->register_module(tasks[t], networks_.at(t));
    levels.push_back(networks_[t]->levels());
  }
  heads_ =
      register_module("heads", std::make_shared<TaskHeads>(context.tasks, levels, context.input_shapes, context.seed));
  for (const auto& members : groups) {
    if (members.size() < 2) continue;
    const size_t count = weights_of(*networks_[members[0]]).size();
    for (size_t i = 0; i < count; ++i) {
      coupled_.emplace_back();
      for (size_t t : members) coupled_.back().push_back(weights_of(*networks_[t]).at(i));
    }
  }
}

std::vector<Features> SoftSharing::represent(const NamedTensors& inputs) {
  std::vector<Features> result;
  for (const auto& network : networks_) result.push_back(network->forward(input_.of(inputs)));
  return result;
}

at::Tensor SoftSharing::decode(int64_t task, const Features& features, const NamedTensors& inputs) {
  return heads_->forward(task, features, inputs);
}

at::Tensor SoftSharing::penalty() {
  if (!is_training() || strength_ == 0 || coupled_.empty()) return {};
  at::Tensor total;
  for (const auto& weights : coupled_) {
    const at::Tensor term = trace_ ? trace_norm(weights) : squared_distances(weights);
    total = total.defined() ? total + term : term;
  }
  return strength_ * total;
}

std::vector<ModelParameter> SoftSharing::model_parameters() {
  std::vector<ModelParameter> result;
  for (size_t t = 0; t < networks_.size(); ++t)
    add_parameters("backbones." + tasks()[t] + ".", *networks_[t], Role::task, static_cast<int64_t>(t), result);
  heads_->add_parameters(result);
  return result;
}

void register_soft_sharing(SharingRegistry& registry) {
  registry.add<SoftOptions>("soft", "A network for each task, drawn together by a penalty",
                            "Duong et al., ACL 2015; Yang and Hospedales, Trace Norm Regularised Deep Multi-Task "
                            "Learning, ICLR workshop 2017",
                            create_soft);
}

}  // namespace polytask
