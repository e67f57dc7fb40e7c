#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/core/suggest.h>
#include <polytask/nn/level_text.h>
#include <polytask/nn/register.h>
#include <polytask/nn/sharing/hard.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace polytask {
namespace {

void check_task_names(const std::vector<TaskHead>& tasks) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::string& name = tasks[i].name;
    const bool allowed = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return c < 128 && (std::isalnum(c) != 0 || c == '_' || c == '-');
    });
    if (name.empty() || !allowed)
      throw InputError("task \"{}\": a task's name may hold letters, digits, _ and -", name);
    for (size_t j = 0; j < i; ++j)
      if (tasks[j].name == name) throw InputError("task \"{}\" is there twice: names must differ", name);
  }
}

std::shared_ptr<Head> make_head(const TaskHead& task, const std::vector<Level>& levels, uint64_t seed) {
  const Node options = resolve_head(task.head);
  const std::string where = options.path.empty() ? fmt::format("tasks.{}.head", task.name) : options.where();
  if (task.outputs < 1) throw InputError("{}: a head needs at least one output, not {}", where, task.outputs);
  seed_torch(seed, "init/heads/" + task.name);
  return heads().create(options, HeadContext{task.name, levels, task.outputs, where});
}

// The input that the backbone is built for, by name.
const std::pair<const std::string, InputShape>& choose_shape(const std::string& name,
                                                             const std::map<std::string, InputShape>& shapes) {
  std::vector<std::string> names;
  for (const auto& [known, shape] : shapes) names.push_back(known);
  if (shapes.empty()) throw InputError("model: the data offers no input");
  if (name.empty() && shapes.size() > 1)
    throw InputError("model.input: the data has {} inputs ({}): name the one that the backbone reads", shapes.size(),
                     fmt::join(names, ", "));
  const auto it = name.empty() ? shapes.begin() : shapes.find(name);
  if (it == shapes.end()) throw InputError("model.input: there is no input \"{}\"{}", name, did_you_mean(name, names));
  return *it;
}

std::unique_ptr<Model> create_hard(const HardOptions& options, const ModelContext& context) {
  check_task_names(context.tasks);
  const auto& [input, shape] = choose_shape(options.input, context.input_shapes);
  seed_torch(context.seed, "init/backbone");
  std::shared_ptr<Backbone> backbone = backbones().create(options.backbone, shape);
  return std::make_unique<HardSharing>(std::move(backbone), context.tasks, context.seed, options.shared_layer, input);
}

}  // namespace

void SharedLayerOptions::fields(Fields& f) {
  f.field("size", size, "width of the layer; 0: no such layer", at_least(0));
  f.field("activation", activation, "what follows it", activation_choices());
  f.field("dropout", dropout, "share of its values dropped in training", dropout_range());
}

void HardOptions::fields(Fields& f) {
  f.field("backbone", backbone, "the shared network: its type and options");
  f.section("shared_layer", shared_layer, "a dense layer between backbone and heads that all tasks share");
  f.field("input", input, "the input that the backbone reads; empty: the only one");
}

HardSharing::HardSharing(std::shared_ptr<Backbone> backbone, const std::vector<TaskHead>& tasks, uint64_t seed,
                         const SharedLayerOptions& shared_layer, std::string input)
    : input_(std::move(input)), backbone_(register_module("backbone", std::move(backbone))) {
  check_task_names(tasks);
  std::vector<Level> levels = backbone_->levels();
  if (shared_layer.size > 0) {
    seed_torch(seed, "init/shared_layer");
    add_shared_layer(shared_layer, levels);
  }
  const auto group = register_module("heads", std::make_shared<torch::nn::Module>("heads"));
  for (const auto& task : tasks) {
    tasks_.push_back(task.name);
    heads_.push_back(group->register_module(task.name, make_head(task, levels, seed)));
  }
}

void HardSharing::add_shared_layer(const SharedLayerOptions& options, std::vector<Level>& levels) {
  if (levels.empty() || levels.back().spatial())
    throw InputError(
        "model.shared_layer: it reads the backbone's last level, which must be a vector, but the backbone offers {}: "
        "set "
        "shared_layer.size to 0, or use a backbone that ends in a vector",
        levels.empty() ? "no level" : levels_text(levels));
  const DenseOptions dense{false, options.activation, options.dropout};
  auto layer = std::make_shared<Dense>(levels.back().channels, options.size, dense);
  shared_layer_ = register_module("shared_layer", std::move(layer));
  levels.push_back({"shared_layer", options.size, 0});
}

const at::Tensor& HardSharing::choose_input(const NamedTensors& inputs) const {
  if (input_.empty() && inputs.size() == 1) return inputs.begin()->second;
  const auto it = inputs.find(input_);
  if (it != inputs.end()) return it->second;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : inputs) names.push_back(name);
  const std::string wanted = input_.empty() ? "exactly one input" : fmt::format("input \"{}\"", input_);
  throw InputError("the model reads {}, but the batch has {}", wanted,
                   names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

std::vector<Features> HardSharing::represent(const NamedTensors& inputs) {
  Features features = backbone_->forward(choose_input(inputs));
  if (shared_layer_) features.push_back(shared_layer_->forward(features.back()));
  return {std::move(features)};
}

at::Tensor HardSharing::decode(int64_t task, const Features& features) {
  return heads_.at(static_cast<size_t>(task))->forward(features);
}

std::vector<ModelParameter> HardSharing::model_parameters() {
  std::vector<ModelParameter> result;
  const auto add = [&](const std::string& prefix, const torch::nn::Module& part, Role role, int64_t task) {
    for (const auto& item : part.named_parameters()) result.push_back({prefix + item.key(), item.value(), role, task});
  };
  add("backbone.", *backbone_, Role::shared, -1);
  if (shared_layer_) add("shared_layer.", *shared_layer_, Role::shared, -1);
  for (size_t t = 0; t < heads_.size(); ++t)
    add("heads." + tasks_[t] + ".", *heads_[t], Role::task, static_cast<int64_t>(t));
  return result;
}

// The layer with the last weight matrix or kernel: vectors (biases, normalisation) do not make a layer of their own.
std::string HardSharing::last_shared_layer() const {
  if (shared_layer_) return "shared_layer";
  std::string last;
  for (const auto& item : backbone_->named_parameters())
    if (item.value().dim() >= 2) last = "backbone." + item.key();
  return last.substr(0, last.rfind('.'));
}

std::shared_ptr<Model> make_hard_model(std::shared_ptr<Backbone> backbone, const std::vector<TaskHead>& tasks,
                                       uint64_t seed, const SharedLayerOptions& shared_layer) {
  return std::make_shared<HardSharing>(std::move(backbone), tasks, seed, shared_layer);
}

void register_hard_sharing(SharingRegistry& registry) {
  registry.add<HardOptions>("hard", "One backbone for all tasks, a head for each", "Caruana 1997", create_hard);
}

}  // namespace polytask
