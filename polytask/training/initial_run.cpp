#include <polytask/core/error.h>
#include <polytask/io/json.h>
#include <polytask/nn/name_list.h>
#include <polytask/training/initial_run.h>
#include <polytask/training/known_classes.h>
#include <polytask/training/run_directory.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <torch/utils.h>

#include <algorithm>
#include <set>
#include <utility>

namespace polytask {
namespace {

bool lies_below(const std::string& name, const std::string& module) {
  return module.empty() || name.compare(0, module.size() + 1, module + ".") == 0;
}

// The one task that all parameters below `module` belong to, "" where some is shared or they are several tasks';
// nothing where there is no parameter.
std::set<std::string> tasks_below(const std::map<std::string, std::string>& parameters, const std::string& module) {
  std::set<std::string> tasks;
  for (const auto& [name, task] : parameters)
    if (lies_below(name, module)) tasks.insert(task);
  return tasks;
}

std::string owner_of_buffer(const std::map<std::string, std::string>& parameters, const std::string& buffer) {
  for (std::string module = buffer; !module.empty();) {
    const auto dot = module.rfind('.');
    module = dot == std::string::npos ? "" : module.substr(0, dot);
    const auto tasks = tasks_below(parameters, module);
    if (!tasks.empty()) return tasks.size() == 1 ? *tasks.begin() : "";
  }
  return "";
}

// What loading does, name by name.
struct Plan {
  std::vector<std::string> loaded, left_out, fresh, missing, unexpected, mismatched;

  bool fits() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
  std::string text() const {
    std::vector<std::string> parts = {fmt::format("{} tensors loaded", loaded.size())};
    if (!left_out.empty())
      parts.push_back(fmt::format("{} left out, of tasks that are not in this configuration: {}", left_out.size(),
                                  first_ten(left_out)));
    if (!fresh.empty())
      parts.push_back(fmt::format("{} initialised anew, of new tasks: {}", fresh.size(), first_ten(fresh)));
    return fmt::format("{}", fmt::join(parts, "; "));
  }
};

bool has_share(const Node& split) {
  return number_of(Node::scalar_of(split.text_or("validation", "0"))) > 0 ||
         number_of(Node::scalar_of(split.text_or("test", "0"))) > 0;
}

// The sections by which a share of the rows is drawn for validation or test, of the whole or of a data set.
std::vector<const Node*> drawn_splits(const Node& data) {
  std::vector<const Node*> splits = {data.find("split")};
  if (const Node* sets = data.find("sources"))
    for (const auto& [name, set] : sets->entries()) splits.push_back(set.find("split"));
  splits.erase(std::remove_if(splits.begin(), splits.end(),
                              [](const Node* split) { return split == nullptr || !has_share(*split); }),
               splits.end());
  return splits;
}

bool draws_split(const Node& data) { return !drawn_splits(data).empty(); }

std::string split_seed(const Experiment& experiment) {
  const Node* split = experiment.data.find("split");
  const std::string own = split != nullptr ? split->text_or("seed", "-1") : "-1";
  return own == "-1" ? std::to_string(experiment.seed) : own;
}

// Also where the target is the column of one data set: "trips.price" of a run whose input has "price".
bool names_column(const std::string& target, const std::string& column) {
  const std::string end = "." + column;
  return target == column || (target.size() > end.size() && target.substr(target.size() - end.size()) == end);
}

// Whether the run at `path` read a file (or made data) that `source` has too, unchanged.
bool shares_data(const std::string& path, const Source& source) {
  const Node facts = read_json_file(std::filesystem::path(path) / "run.json");
  const Node* data = facts.find("data");
  const auto known = source.fingerprints();
  return data != nullptr && std::any_of(known.begin(), known.end(), [&](const auto& entry) {
           return data->text_or(entry.first, "") == entry.second;
         });
}

}  // namespace

bool split_follows_seed(const Node& data) {
  const auto splits = drawn_splits(data);
  return std::any_of(splits.begin(), splits.end(),
                     [](const Node* split) { return split->text_or("seed", "-1") == "-1"; });
}

std::map<std::string, std::string> owners_of(Model& model) {
  std::map<std::string, std::string> owners;
  for (const auto& parameter : model.model_parameters())
    owners[parameter.name] =
        parameter.role == Role::task ? model.tasks().at(static_cast<size_t>(parameter.task)) : std::string();
  const auto parameters = owners;
  for (const auto& item : model.named_buffers()) owners[item.key()] = owner_of_buffer(parameters, item.key());
  return owners;
}

InitialRun::InitialRun(const std::string& path) : path_(path) {
  try {
    auto experiment = read_run_configuration(path);
    experiment.device = "cpu";
    const auto file = find_checkpoint(path, "best");
    checkpoint_ = file.string();
    run_ = open_model(std::move(experiment), load_checkpoint(file));
  } catch (const InputError& error) {
    throw InputError("model.init_from: {}", error.what());
  }
}

bool InitialRun::has_task(const std::string& name) const {
  const auto names = run_.task_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

TargetRequest InitialRun::request(const TaskType& task, const Node& section) const {
  TargetRequest request = task.target_request();
  for (const auto& expression : request.expressions)
    for (const auto& preprocess : run_.preprocess)
      for (const auto& column : preprocess.spec().columns)
        if (names_column(column_of(expression), column.name))
          throw InputError(
              "{}: its target \"{}\" is an input of the run {} (model.init_from), so it would be learned "
              "from itself",
              section.where(), expression, path_);
  for (size_t t = 0; t < run_.tasks.size(); ++t) {
    if (run_.tasks[t]->name() != task.name()) continue;
    const Node& there = run_.experiment.tasks[t].second;
    for (const char* key : {"type", "log", "standardise"})
      if (section.text_or(key, "") != there.text_or(key, ""))
        throw InputError(
            "{}: {} is \"{}\" here, but \"{}\" in the run {} (model.init_from), whose head this task goes on with; "
            "give "
            "the task another name to start it anew",
            section.where(), key, section.text_or(key, ""), there.text_or(key, ""), path_);
    const auto names = run_.tasks[t]->class_names();
    if (!request.class_names.empty() && request.class_names != names)
      throw InputError(
          "{}: class_names are not those of the run {} (model.init_from), whose head this task goes on with: {}",
          section.where(), path_, first_ten(names));
    request = with_known_classes(std::move(request), names);
  }
  return request;
}

std::string InitialRun::split_warning(const Experiment& now, const Source& source) const {
  const Experiment& then = run_.experiment;
  const std::string seed = split_seed(then);
  if (seed == split_seed(now) || !draws_split(then.data) || !draws_split(now.data) || !shares_data(path_, source))
    return "";
  return fmt::format(
      "the run {} (model.init_from) divided these data by another seed: rows it was trained on may be validation or "
      "test "
      "rows here, and figures too good; set data.split.seed: {}",
      path_, seed);
}

void InitialRun::load_task(TaskType& task) const {
  for (const auto& there : run_.tasks) {
    if (there->name() != task.name()) continue;
    Node state = there->state();
    state.place.file = path_;
    task.load_state(state);
  }
}

std::string InitialRun::load_model(Model& model) const {
  const auto theirs = owners_of(*run_.model), ours = owners_of(model);
  const NamedTensors from = run_.model->state();
  NamedTensors to = model.state();
  Plan plan;
  for (const auto& [name, tensor] : to) {
    const std::string& owner = ours.at(name);
    const auto found = from.find(name);
    if (!owner.empty() && !has_task(owner))
      plan.fresh.push_back(name);
    else if (found == from.end() || theirs.at(name) != owner)
      plan.missing.push_back(name);
    else if (found->second.sizes() != tensor.sizes())
      plan.mismatched.push_back(mismatch_text(name, found->second, tensor));
    else
      plan.loaded.push_back(name);
  }
  const auto& kept = model.tasks();
  for (const auto& [name, tensor] : from) {
    const std::string& owner = theirs.at(name);
    const auto found = ours.find(name);
    if (!owner.empty() && std::find(kept.begin(), kept.end(), owner) == kept.end())
      plan.left_out.push_back(name);
    else if (found == ours.end() || found->second != owner)
      plan.unexpected.push_back(name);
  }
  if (!plan.fits())
    throw InputError(
        "model.init_from: {}: the run's model does not fit: {}; the trunk must be the same, and a task that shall "
        "start "
        "with a new head needs a name of its own",
        checkpoint_, differences_text(plan.missing, plan.unexpected, plan.mismatched));
  const torch::NoGradGuard no_grad;
  for (const auto& name : plan.loaded) to.at(name).copy_(from.at(name));
  return fmt::format("{}: {}", checkpoint_, plan.text());
}

}  // namespace polytask
