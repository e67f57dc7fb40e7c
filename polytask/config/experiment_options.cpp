#include <polytask/config/experiment_options.h>
#include <polytask/config/select_tasks.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/log.h>

#include <algorithm>
#include <optional>

namespace polytask {
namespace {

bool is_device(const std::string& text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  const std::string index = text.compare(0, 5, "cuda:") == 0 ? text.substr(5) : "";
  return !index.empty() && index.size() <= 3 &&
         std::all_of(index.begin(), index.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_folder_name(const std::string& text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string::npos;
}

void check_texts(const Node& root) {
  if (const Node* device = root.find("device"); device != nullptr && device->is_scalar() && !is_device(device->text()))
    throw InputError("{}: \"{}\" is not a device: must be auto, cpu, cuda or cuda:N", device->where(), device->text());
  if (const Node* name = root.find("name"); name != nullptr && name->is_scalar() && !is_folder_name(name->text()))
    throw InputError("{}: \"{}\" can not name a folder of runs: it must not be empty or hold a \"/\"", name->where(),
                     name->text());
}

Node read_configuration_file(const std::filesystem::path& config) {
  std::error_code ignored;
  if (std::filesystem::is_directory(config, ignored) && std::filesystem::exists(config / "config.yaml", ignored))
    throw InputError("{}: is a directory; did you mean \"{}\"?", config.string(), (config / "config.yaml").string());
  return read_yaml_file(config);
}

// The names of "tasks=[digit, parity]", which chooses among the file's tasks; nothing for any other override.
std::optional<std::vector<std::string>> chosen_tasks(const std::string& assignment) {
  const std::string key = "tasks=";
  if (assignment.compare(0, key.size(), key) != 0) return std::nullopt;
  Node value;
  apply_override(value, assignment);
  const Node* list = value.find("tasks");
  if (!list->is_sequence()) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& item : list->items()) {
    if (!item.is_scalar())
      throw InputError("command line: override \"{}\": a list chooses tasks by their names", assignment);
    names.push_back(item.text());
  }
  return names;
}

void apply(Node& root, const std::string& assignment) {
  const auto names = chosen_tasks(assignment);
  if (!names) return apply_override(root, assignment);
  for (const auto& change : select_tasks(root, *names)) log_info("{}: {}", assignment, change);
}

}  // namespace

void ExperimentOptions::fields(Fields& f) {
  f.field("name", name, "name of the experiment; runs lie under runs/<name>/");
  f.field("seed", seed, "every random stream derives from it", at_least(0));
  f.field("device", device, "auto (CUDA where there is one), cpu, cuda or cuda:N");
  f.field("threads", threads, "threads of tensor operations; 0: every core that the process may use", at_least(0));
  f.field("data", data, "where samples come from, how they are split, changed and batched", required());
  f.field("model", model, "what the tasks share, the backbone, initial weights, what is frozen", required());
  f.field("tasks", tasks, "the tasks by name: what is predicted, its head, loss and metrics", required());
  f.field("couplings", couplings,
          "terms of the objective that tie tasks together: a map of {type: …} with their options");
  f.field("balancing", balancing, "how the tasks' losses or gradients become one step");
  f.field("optimizer", optimizer, "the optimiser and the learning rates of its parameter groups");
  f.field("schedule", schedule, "how learning rates change over the run");
  f.field("train", train, "length of the training, validation, checkpoints, what to do with NaN");
  f.field("tracking", tracking, "what a run writes besides its checkpoints");
  f.field("compare", compare, "what `polytask compare` compares; training does not depend on it");
}

Node load_configuration(const std::filesystem::path& config, const std::vector<std::string>& overrides) {
  Node root = read_configuration_file(config);
  if (root.is_null()) throw InputError("{}: the configuration is empty", config.string());
  if (!root.is_map())
    throw InputError("{}: expected a map of sections (data, model, tasks, …), got {}", config.string(),
                     root.is_sequence() ? "a list" : fmt::format("\"{}\"", root.text()));
  for (const auto& assignment : overrides) apply(root, assignment);
  check_texts(root);
  return root;
}

}  // namespace polytask
