#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/mixing.h>
#include <polytask/nn/sharing/ple.h>

#include <fmt/format.h>

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace polytask {
namespace {

std::shared_ptr<torch::nn::Module> container(const std::string& name) {
  return std::make_shared<torch::nn::Module>(name);
}

std::vector<std::shared_ptr<StagedBackbone>> make_experts(int64_t count, const std::string& stream,
                                                          const PleOptions& options, const TrunkInput& input,
                                                          const ModelContext& context) {
  std::vector<std::shared_ptr<StagedBackbone>> experts;
  for (int64_t e = 0; e < count; ++e) {
    seed_torch(context.seed, fmt::format("init/{}/{}", stream, e));
    experts.push_back(create_staged_backbone(options.backbone, input.shape(), "ple"));
  }
  return experts;
}

std::unique_ptr<Model> create_ple(const PleOptions& options, const ModelContext& context) {
  check_task_names(context.tasks);
  const auto& counts = options.task_experts;
  if (counts.size() != 1 && counts.size() != context.tasks.size())
    throw InputError("model.task_experts: {} numbers for {} tasks: give one for all, or one for each in their order",
                     counts.size(), context.tasks.size());
  TrunkInput input(options.input, context);
  PleExperts experts;
  experts.shared = make_experts(options.shared_experts, "shared_experts", options, input, context);
  for (size_t t = 0; t < context.tasks.size(); ++t)
    experts.own.push_back(
        make_experts(counts[counts.size() == 1 ? 0 : t], "experts/" + context.tasks[t].name, options, input, context));
  const InputShape image = input.shape();
  return std::make_unique<Ple>(std::move(experts), context.tasks, context.seed, options, image, std::move(input),
                               context.input_shapes);
}

void check_experts(const PleExperts& experts, const std::vector<TaskHead>& tasks) {
  if (experts.own.size() != tasks.size())
    throw InputError("ple: experts of {} tasks for {} tasks", experts.own.size(), tasks.size());
  if (experts.shared.empty()) throw InputError("ple: there must be at least one shared expert");
  for (size_t t = 0; t < tasks.size(); ++t)
    if (experts.own[t].empty()) throw InputError("ple: task \"{}\" has no expert of its own", tasks[t].name);
}

std::vector<at::Tensor> run_stage(const std::vector<std::shared_ptr<StagedBackbone>>& experts, size_t stage,
                                  const at::Tensor& x) {
  std::vector<at::Tensor> outputs;
  for (const auto& expert : experts) outputs.push_back(expert->stage(stage, x));
  return outputs;
}

}  // namespace

void PleOptions::fields(Fields& f) {
  f.field("backbone", backbone, "every expert: its type and options; each level of extraction is one of its stages");
  f.field("shared_experts", shared_experts, "experts that all tasks share", at_least(1));
  f.field("task_experts", task_experts,
          "experts of each task alone: one number for all tasks, or one for each in order", at_least(1));
  f.field("shared_gate", shared_gate,
          "yes: the shared experts have a gate and a representation of their own, as in the paper; no: they run on "
          "every task's representation, as in LibMTL");
  f.field("gate_input", gate_input,
          "what gates read of maps: pooled, the mean over space; flatten, every value (images of one size only)",
          one_of({"pooled", "flatten"}));
  f.field("input", input, "the input that the experts read; empty: the only one that no head takes for itself");
}

Ple::Ple(PleExperts experts, const std::vector<TaskHead>& tasks, uint64_t seed, const PleOptions& options,
         const InputShape& image, TrunkInput input, const std::map<std::string, InputShape>& inputs)
    : options_(options),
      input_(std::move(input)),
      experts_(std::move(experts)),
      shared_module_(register_module("shared_experts", container("shared_experts"))),
      own_module_(register_module("experts", container("experts"))),
      gates_module_(register_module("gates", container("gates"))) {
  check_task_names(tasks);
  check_experts(experts_, tasks);
  stages_ = experts_.shared.front()->stages();
  add_experts(tasks);
  add_gates(tasks, seed, image);
  const auto levels = experts_.shared.front()->levels();
  heads_ = register_module("heads",
                           std::make_shared<TaskHeads>(tasks, std::vector<std::vector<Level>>{levels}, inputs, seed));
}

void Ple::add_experts(const std::vector<TaskHead>& tasks) {
  const auto add = [](torch::nn::Module& parent, const std::vector<std::shared_ptr<StagedBackbone>>& experts) {
    for (size_t e = 0; e < experts.size(); ++e) parent.register_module(std::to_string(e), experts[e]);
  };
  add(*shared_module_, experts_.shared);
  for (size_t t = 0; t < tasks.size(); ++t)
    add(*own_module_->register_module(tasks[t].name, container(tasks[t].name)), experts_.own[t]);
}

void Ple::add_gates(const std::vector<TaskHead>& tasks, uint64_t seed, const InputShape& image) {
  std::vector<InputShape> read = stage_shapes(*experts_.shared.front(), image);
  read.insert(read.begin(), image);
  std::vector<int64_t> widths;
  for (const auto& shape : read) {
    const bool pooled = shape.size() == 3 && options_.gate_input == "pooled";
    widths.push_back(pooled ? shape[0] : std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()));
  }
  size_t all = experts_.shared.size();
  for (size_t t = 0; t < tasks.size(); ++t) {
    seed_torch(seed, "init/gates/" + tasks[t].name);
    auto own = gates_module_->register_module(tasks[t].name, container(tasks[t].name));
    gates_.push_back(gates_of(*own, stages_.size(), experts_.shared.size() + experts_.own[t].size(), widths));
    all += experts_.own[t].size();
  }
  if (!options_.shared_gate) return;
  seed_torch(seed, "init/shared_gates");
  shared_gates_module_ = register_module("shared_gates", container("shared_gates"));
  shared_gates_ = gates_of(*shared_gates_module_, stages_.size() - 1, all, widths);
}

Ple::Gates Ple::gates_of(torch::nn::Module& parent, size_t stages, size_t experts, const std::vector<int64_t>& widths) {
  Gates gates;
  for (size_t i = 0; i < stages; ++i)
    gates.push_back(parent.register_module(stages_[i], torch::nn::Linear(widths[i], static_cast<int64_t>(experts))));
  return gates;
}

at::Tensor Ple::gate_input(const at::Tensor& x) const {
  return x.dim() == 4 && options_.gate_input == "pooled" ? x.mean({2, 3}) : x.flatten(1);
}

at::Tensor Ple::gated(Gates& gates, size_t stage, const at::Tensor& x, const std::vector<at::Tensor>& outputs) {
  const at::Tensor read = gate_input(x);
  auto& gate = gates[stage];
  if (read.size(1) != gate->weight.size(1))
    throw InputError(
        "ple: the gate of stage {} was built for {} values and got {}: with gate_input: flatten all images "
        "must have the size that the model was built for; gate_input: pooled takes any",
        stages_[stage], gate->weight.size(1), read.size(1));
  return mix_samples(at::softmax(gate->forward(read), -1), outputs);
}

void Ple::step(size_t stage, std::vector<at::Tensor>& x, at::Tensor& shared) {
  std::vector<at::Tensor> common;
  if (options_.shared_gate) common = run_stage(experts_.shared, stage, shared);
  std::vector<at::Tensor> all = common;
  for (size_t t = 0; t < x.size(); ++t) {
    std::vector<at::Tensor> outputs = options_.shared_gate ? common : run_stage(experts_.shared, stage, x[t]);
    const auto own = run_stage(experts_.own[t], stage, x[t]);
    outputs.insert(outputs.end(), own.begin(), own.end());
    all.insert(all.end(), own.begin(), own.end());
    x[t] = gated(gates_[t], stage, x[t], outputs);
  }
  if (stage < shared_gates_.size()) shared = gated(shared_gates_, stage, shared, all);
}

std::vector<Features> Ple::represent(const NamedTensors& inputs) {
  at::Tensor shared = input_.of(inputs);
  std::vector<at::Tensor> x(gates_.size(), shared);
  std::vector<std::vector<at::Tensor>> outputs(x.size());
  for (size_t i = 0; i < stages_.size(); ++i) {
    step(i, x, shared);
    for (size_t t = 0; t < x.size(); ++t) outputs[t].push_back(x[t]);
  }
  std::vector<Features> features;
  for (size_t t = 0; t < x.size(); ++t) features.push_back(experts_.shared.front()->features(outputs[t]));
  return features;
}

at::Tensor Ple::decode(int64_t task, const Features& features, const NamedTensors& inputs) {
  return heads_->forward(task, features, inputs);
}

void Ple::add_own_parameters(size_t task, std::vector<ModelParameter>& list) {
  const std::string& name = tasks()[task];
  const auto index = static_cast<int64_t>(task);
  // `reach`: how many stages on a parameter's effect must go to meet a shared gate that another task's experts read.
  const auto add = [&](const std::string& full, const at::Tensor& tensor, size_t stage, size_t reach) {
    const bool shared = stage + reach < shared_gates_.size();
    list.push_back({full, tensor, shared ? Role::shared : Role::task, shared ? -1 : index});
  };
  for (size_t e = 0; e < experts_.own[task].size(); ++e)
    for (const auto& item : experts_.own[task][e]->named_parameters())
      add(fmt::format("experts.{}.{}.{}", name, e, item.key()), item.value(),
          experts_.own[task][e]->stage_of(item.key()), 0);
  for (size_t i = 0; i < stages_.size(); ++i)
    for (const auto& item : gates_[task][i]->named_parameters())
      add(fmt::format("gates.{}.{}.{}", name, stages_[i], item.key()), item.value(), i, 1);
}

std::vector<ModelParameter> Ple::model_parameters() {
  std::vector<ModelParameter> result;
  add_parameters("shared_experts.", *shared_module_, Role::shared, -1, result);
  if (shared_gates_module_) add_parameters("shared_gates.", *shared_gates_module_, Role::shared, -1, result);
  for (size_t t = 0; t < tasks().size(); ++t) add_own_parameters(t, result);
  heads_->add_parameters(result);
  return result;
}

std::string Ple::last_shared_layer() const {
  std::string names;
  for (size_t e = 0; e < experts_.shared.size(); ++e)
    names += (e > 0 ? "," : "") + last_layer_of(fmt::format("shared_experts.{}.", e), *experts_.shared[e]);
  return names;
}

void register_ple_sharing(SharingRegistry& registry) {
  registry.add<PleOptions>("ple", "Shared experts and experts of each task, mixed by gates after every stage",
                           "Tang et al., Progressive Layered Extraction, RecSys 2020", create_ple);
}

}  // namespace polytask
