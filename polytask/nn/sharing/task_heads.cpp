#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/nn/sharing/task_heads.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace polytask {

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

void add_parameters(const std::string& prefix, const torch::nn::Module& part, Role role, int64_t task,
                    std::vector<ModelParameter>& list) {
  for (const auto& item : part.named_parameters()) list.push_back({prefix + item.key(), item.value(), role, task});
}

std::string last_layer_of(const std::string& prefix, const torch::nn::Module& part) {
  std::string last;
  for (const auto& item : part.named_parameters())
    if (item.value().dim() >= 2) last = prefix + item.key();
  return last.substr(0, last.rfind('.'));
}

namespace {

void check_dense(const TaskHead& task, bool maps, const std::string& where) {
  if (task.dense && !maps)
    throw InputError(
        "{}: task \"{}\" has a label per pixel, but its head gives one output a picture; use a head that "
        "gives maps (unet_decoder, on backbone unet)",
        where, task.name);
}

}  // namespace

TaskHeads::TaskHeads(const std::vector<TaskHead>& tasks, const std::vector<std::vector<Level>>& levels,
                     const std::map<std::string, InputShape>& inputs, uint64_t seed) {
  check_task_names(tasks);
  for (size_t t = 0; t < tasks.size(); ++t) {
    const TaskHead& task = tasks[t];
    Node options = resolve_head(task.head);
    const std::string where = options.path.empty() ? fmt::format("tasks.{}.head", task.name) : options.where();
    if (task.outputs < 1) throw InputError("{}: a head needs at least one output, not {}", where, task.outputs);
    const HeadContext context{task.name, levels.size() == 1 ? levels[0] : levels.at(t), task.outputs, where};
    const auto auxiliary = auxiliary_of(options);
    options.erase("auxiliary");
    seed_torch(seed, "init/heads/" + task.name);
    Entry entry;
    if (auxiliary.empty())
      entry.plain = register_module(task.name, std::shared_ptr<Head>(heads().create(options, context)));
    else
      entry.with_inputs =
          register_module(task.name, std::make_shared<AuxiliaryHead>(options, auxiliary, context, inputs));
    check_dense(task, entry.plain != nullptr && entry.plain->dense(), where);
    tasks_.push_back(task.name);
    heads_.push_back(std::move(entry));
  }
}

at::Tensor TaskHeads::forward(int64_t task, const Features& features, const NamedTensors& inputs) const {
  const Entry& entry = heads_.at(static_cast<size_t>(task));
  return entry.plain ? entry.plain->forward(features) : entry.with_inputs->forward(features, inputs);
}

std::optional<ReceptiveField> TaskHeads::receptive_field(int64_t task, const Backbone& backbone) const {
  const Entry& entry = heads_.at(static_cast<size_t>(task));
  return entry.plain ? polytask::receptive_field(backbone, *entry.plain) : std::nullopt;
}

void TaskHeads::add_parameters(std::vector<ModelParameter>& list) const {
  for (size_t t = 0; t < tasks_.size(); ++t)
    polytask::add_parameters("heads." + tasks_[t] + ".", *named_children()[tasks_[t]], Role::task,
                             static_cast<int64_t>(t), list);
}

}  // namespace polytask
