#include <polytask/config/select_tasks.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/io/json.h>
#include <polytask/training/compare/plan.h>
#include <polytask/training/compare/variants.h>
#include <polytask/training/compare/weight_grid.h>
#include <polytask/training/experiment.h>
#include <polytask/training/initial_run.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace polytask {
namespace {

Node child(const Node& node, const std::string& key) {
  const Node* found = node.find(key);
  return found != nullptr ? *found : Node();
}

void set_below(Node& root, const std::string& section, const std::string& key, Node value) {
  Node changed = child(root, section);
  changed.set(key, std::move(value));
  root.set(section, changed);
}

// A text that can name a file.
std::string slug(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_';
    if (plain)
      result += c;
    else if (!result.empty() && result.back() != '-')
      result += '-';
  }
  return result.substr(0, result.find_last_not_of('-') + 1);
}

// Builds a plan row by row.
class Planner {
 public:
  Planner(const Node& configuration, const Experiment& experiment, int64_t seeds) : root_(configuration) {
    root_.erase("compare");
    set_below(root_, "train", "test", Node::scalar_of("false"));
    set_below(root_, "tracking", "log_every", Node::scalar_of("1"));  // every step's time counts
    plan.name = experiment.name;
    for (const auto& [name, section] : experiment.tasks) plan.tasks.push_back(name);
    for (int64_t s = 0; s < seeds; ++s) plan.seeds.push_back(experiment.seed + static_cast<uint64_t>(s));
  }

  const Node& root() const { return root_; }

  void add_single() {
    plan.rows.push_back({RowKind::single, "", "single-task", {}});
    for (const auto& task : plan.tasks) {
      Node root = root_;
      root.set("model", with_architecture(child(root, "model"), "hard"));
      root.set("balancing", Node::map_of({{"method", Node::scalar_of("equal")}}));
      select_tasks(root, {task});
      set_below(root, "data", "unlabelled", Node::scalar_of("replace"));
      add_members("single-" + slug(task), root, task);
    }
  }

  size_t add_row(RowKind kind, const Variant& architecture, const std::string& method, const Node& balancing,
                 const Setting& setting) {
    const std::string label = setting.label.empty() ? method : fmt::format("{}, {}", method, setting.label);
    plan.rows.push_back({kind, architecture.label, label, {}});
    Node root = root_;
    root.set("model", architecture.section);
    root.set("balancing", balancing);
    for (const auto& assignment : setting.overrides) apply_override(root, assignment);
    set_paths(root);
    add_members(slug(architecture.label) + "-" + slug(label), root, "");
    return plan.rows.size() - 1;
  }

  ComparePlan plan;

 private:
  void add_members(const std::string& wanted, Node root, const std::string& task) {
    const std::string name = unused(wanted);
    for (size_t s = 0; s < plan.seeds.size(); ++s) {
      root.set("seed", Node::scalar_of(std::to_string(plan.seeds[s])));
      plan.rows.back().members.push_back(plan.members.size());
      plan.members.push_back({fmt::format("{}-s{}", name, plan.seeds[s]), static_cast<int64_t>(s), task,
                              resolve_experiment(root).resolved});
    }
  }

  std::string unused(const std::string& wanted) {
    std::string name = wanted;
    for (int n = 2; std::find(names_.begin(), names_.end(), name) != names_.end(); ++n)
      name = fmt::format("{}-{}", wanted, n);
    names_.push_back(name);
    return name;
  }

  Node root_;
  std::vector<std::string> names_;
};

Node fixed_weights(const WeightPoint& point, const std::vector<std::string>& tasks) {
  Node weights = Node::map_of();
  for (size_t t = 0; t < tasks.size(); ++t) weights.set(tasks[t], Node::scalar_of(number_text(point.weights[t])));
  return Node::map_of({{"method", Node::scalar_of("fixed")}, {"weights", weights}});
}

void check_metrics(const CompareOptions& options, const std::vector<std::string>& tasks) {
  for (const auto& [task, metric] : options.metrics)
    if (std::find(tasks.begin(), tasks.end(), task) == tasks.end())
      throw InputError("compare.metrics: there is no task \"{}\"{}", task, did_you_mean(task, tasks));
}

// Rows that an initial run was trained on must not become validation or test rows of another seed.
void check_split(const Experiment& experiment, int64_t seeds) {
  const std::string run = experiment.model.text_or("init_from", "");
  if (seeds == 1 || run.empty() || !split_follows_seed(experiment.data)) return;
  throw InputError(
      "compare: with model.init_from every seed must divide the rows as the run {} did, which has seen its training "
      "rows: set data.split.seed to its data.split.seed, or to its seed where it has none (or compare one seed)",
      run);
}

std::string shown(const Node* node) { return node == nullptr ? "absent" : write_json(*node); }

std::string difference_of(const Node& kept, const Node& now, const std::string& path) {
  if (!kept.is_map() || !now.is_map())
    return write_json(kept) == write_json(now)
               ? ""
               : fmt::format("{} was {}, is {}", path, write_json(kept), write_json(now));
  const std::string before = path.empty() ? "" : path + ".";
  for (const auto& [key, value] : kept.entries()) {
    const std::string below = before + key;
    const Node* other = now.find(key);
    if (other == nullptr) return fmt::format("{} was {}, is absent", below, shown(&value));
    if (auto found = difference_of(value, *other, below); !found.empty()) return found;
  }
  for (const auto& [key, value] : now.entries())
    if (kept.find(key) == nullptr) return fmt::format("{}{} was absent, is {}", before, key, shown(&value));
  return "";
}

}  // namespace

ComparePlan make_plan(const Node& configuration, const CompareOptions& options, const CompareChoice& choice) {
  const Experiment experiment = resolve_experiment(configuration);
  if (experiment.tasks.size() < 2)
    throw InputError("compare: the experiment has one task; a comparison needs two or more");
  check_split(experiment, options.seeds);
  Planner planner(configuration, experiment, options.seeds);
  check_metrics(options, planner.plan.tasks);
  const auto methods = method_variants(options.methods, choice.methods, child(planner.root(), "balancing"));
  const auto architectures =
      architecture_variants(options.architectures, choice.architectures, child(planner.root(), "model"));
  const auto settings = listed_settings(options.settings);
  const auto points = weight_grid(options.grid, planner.plan.tasks);

  planner.add_single();
  for (const auto& architecture : architectures)
    for (const auto& method : methods)
      for (const auto& setting : settings) {
        const size_t row = planner.add_row(RowKind::method, architecture, method.label, method.section, setting);
        if (options.tuned && planner.plan.candidates.empty()) planner.plan.candidates.push_back(row);
      }
  if (options.tuned)
    for (const auto& point : points)
      planner.plan.candidates.push_back(planner.add_row(RowKind::grid, architectures.front(), "weights " + point.label,
                                                        fixed_weights(point, planner.plan.tasks), settings.front()));
  planner.plan.metrics = options.metrics;
  return std::move(planner.plan);
}

Node plan_node(const ComparePlan& plan) {
  Node members = Node::map_of();
  for (const auto& member : plan.members) members.set(member.id, member.configuration);
  return Node::map_of({{"members", members}});
}

std::string plan_difference(const Node& kept, const Node& now) {
  const Node* old_members = kept.find("members");
  const Node* members = now.find("members");
  if (old_members == nullptr || members == nullptr) return "what is kept there is no plan";
  const auto report = [](const std::string& id, const std::string& difference) { return id + ": " + difference; };
  for (const auto& [id, configuration] : old_members->entries()) {
    const Node* other = members->find(id);
    if (other == nullptr) return report(id, "was compared, is not any more");
    if (auto found = difference_of(configuration, *other, ""); !found.empty()) return report(id, found);
  }
  for (const auto& [id, configuration] : members->entries())
    if (old_members->find(id) == nullptr) return report(id, "was not compared, is now");
  return "";
}

}  // namespace polytask
