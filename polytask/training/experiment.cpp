#include <polytask/balancing/balancer.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/data_module.h>
#include <polytask/nn/model.h>
#include <polytask/objectives/task_type.h>
#include <polytask/training/coupling_term.h>
#include <polytask/training/experiment.h>

namespace polytask {
namespace {

const Node& require_section(const Node& section, const char* name, const char* example) {
  if (section.is_null()) throw InputError("the configuration has no \"{}\" section; for example {}", name, example);
  if (!section.is_map()) throw InputError("{}: expected a map, for example {}", section.where(), example);
  return section;
}

Node resolve_balancing(const Node& section) {
  Node node = section.is_null() ? Node::map_of() : section;
  if (node.find("method") == nullptr) node.set("method", Node::scalar_of("equal"));
  return balancers().resolve(node);
}

Node resolve_task(const Node& section) {
  Node task = resolve_task_section(section);
  const Node* head = task.find("head");
  task.set("head", resolve_head(head != nullptr ? *head : Node()));
  return task;
}

// The optimiser checks them again; here they still have a place.
void check_task_rates(const Node& optimizer, const Node& tasks) {
  const Node* rates = optimizer.find("task_lr");
  if (rates == nullptr) return;
  std::vector<std::string> names;
  for (const auto& [name, section] : tasks.entries()) names.push_back(name);
  for (const auto& [task, rate] : rates->entries())
    if (tasks.find(task) == nullptr)
      throw InputError("{}: there is no task \"{}\"{}", rate.where(), task, did_you_mean(task, names));
}

template <class Options>
Options read_section(const Node& section) {
  return section.is_null() ? Options{} : read_options<Options>(section);
}

}  // namespace

Experiment resolve_experiment(const Node& configuration) {
  auto top = read_options<ExperimentOptions>(configuration);
  Experiment e;
  e.name = top.name;
  e.seed = static_cast<uint64_t>(top.seed);
  e.device = top.device;
  e.threads = top.threads;
  e.data = resolve_data_section(require_section(top.data, "data", "data: {source: implants}"));
  e.model = resolve_model_section(require_section(top.model, "model", "model: {backbone: {type: mlp}}"));
  require_section(top.tasks, "tasks", "tasks: {digit: {type: classification, target: label}}");
  if (top.tasks.entries().empty()) throw InputError("{}: no task is given", top.tasks.where());
  for (const auto& [name, section] : top.tasks.entries()) e.tasks.emplace_back(name, resolve_task(section));
  for (const auto& [name, section] : top.couplings.entries())
    e.couplings.emplace_back(name, resolve_coupling_section(section));
  e.balancing = resolve_balancing(top.balancing);
  e.optimizer = read_section<OptimizerOptions>(top.optimizer);
  check_task_rates(top.optimizer, top.tasks);
  e.schedule = read_section<ScheduleOptions>(top.schedule);
  e.train = read_section<TrainOptions>(top.train);
  e.tracking = read_section<TrackingOptions>(top.tracking);
  e.compare = read_section<CompareOptions>(top.compare);

  top.data = e.data;
  top.model = e.model;
  top.tasks = Node::map_of(e.tasks);
  if (!e.couplings.empty()) top.couplings = Node::map_of(e.couplings);
  top.balancing = e.balancing;
  top.optimizer = write_options(e.optimizer);
  top.schedule = write_options(e.schedule);
  top.train = write_options(e.train);
  top.tracking = write_options(e.tracking);
  if (!top.compare.is_null()) top.compare = write_options(e.compare);
  e.resolved = write_options(top);
  set_paths(e.resolved);
  return e;
}

}  // namespace polytask
