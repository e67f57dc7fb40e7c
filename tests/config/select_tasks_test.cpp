#include <polytask/config/experiment_options.h>
#include <polytask/config/select_tasks.h>
#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

namespace polytask {
namespace {

using testing::HasSubstr;

const char* const kThree = R"(
data: {source: table, path: t.csv, sampler: {type: balanced, task: a}}
model: {backbone: {type: mlp}, freeze: [heads.a.*, {pattern: heads.c.fc.*, from: 1}, backbone.*]}
tasks:
  a: {type: classification, target: colour}
  b: {type: regression, targets: [width, height]}
  c: {type: binary, target: age >= 40}
balancing: {method: fixed, weights: {a: 1, b: 2, c: 3}}
optimizer: {task_lr: {a: 0.1, c: 0.2}}
train: {monitor: val/a/accuracy}
)";

Node selected(const std::string& yaml, const std::vector<std::string>& names) {
  Node root = parse_yaml(yaml, "test.yaml");
  set_paths(root);
  select_tasks(root, names);
  return root;
}

std::string message(const std::string& yaml, const std::vector<std::string>& names) {
  try {
    selected(yaml, names);
  } catch (const InputError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(SelectTasks, OrdersTasksAndDropsWhatBelongsToTheOthers) {
  EXPECT_EQ(write_yaml(selected(kThree, {"c", "b"})), write_yaml(parse_yaml(R"(
data: {source: table, path: t.csv, other_targets: ["colour"]}
model: {backbone: {type: mlp}, freeze: [{pattern: heads.c.fc.*, from: 1}, backbone.*]}
tasks:
  c: {type: binary, target: age >= 40}
  b: {type: regression, targets: [width, height]}
balancing: {method: fixed, weights: {b: 2, c: 3}}
optimizer: {task_lr: {c: 0.2}}
train: {monitor: val/loss}
)",
                                                                            "expected.yaml")));
}

TEST(SelectTasks, OneTaskIsBalancedByEqual) {
  const Node root = selected(kThree, {"b"});
  EXPECT_EQ(write_yaml(*root.find("balancing")), "method: equal\n");
  EXPECT_EQ(root.find("optimizer")->find("task_lr"), nullptr);
  std::vector<std::string> hidden;
  for (const auto& item : root.find("data")->find("other_targets")->items()) hidden.push_back(item.text());
  EXPECT_THAT(hidden, testing::ElementsAre("colour", "age >= 40"));
}

TEST(SelectTasks, ListsByTaskKeepTheChosenEntries) {
  const std::string tasks = "tasks: {a: {target: a}, b: {target: b}, c: {target: c}}\n";
  const Node root = selected(
      tasks + "balancing: {method: crmogm, inner: {method: upgrad, preference: [1, 2, 3]}, x: [7, 8]}", {"c", "a"});
  EXPECT_EQ(write_yaml(*root.find("balancing")),
            write_yaml(parse_yaml("{method: crmogm, inner: {method: upgrad, preference: [3, 1]}, x: [7, 8]}", "e")));
}

TEST(SelectTasks, TwoNumbersMayMeanAnythingWhereTwoTasksChangePlaces) {
  const std::string yaml = "tasks: {a: {target: a}, b: {target: b}}\nbalancing: {method: uncertainty, clamp: [-3, 3]}";
  EXPECT_THAT(message(yaml, {"b", "a"}), HasSubstr("balancing.clamp"));
  EXPECT_EQ(message(yaml, {"a", "b"}), "accepted");
  EXPECT_EQ(message(yaml, {"b"}), "accepted");
}

TEST(SelectTasks, InputsOfDroppedHeadsAreNotTheBackbones) {
  const std::string yaml = R"(
model: {backbone: {type: mlp}}
tasks:
  a: {type: binary, target: x, head: {type: mlp, auxiliary: {input: route}}}
  b: {type: binary, target: y, head: {auxiliary: [{input: route}, {input: speed, hidden: [4]}]}}
  c: {type: binary, target: z}
)";
  const auto others = [&](const std::vector<std::string>& names) {
    const Node root = selected(yaml, names);
    const Node* found = root.find("model")->find("other_inputs");
    return found == nullptr ? "none" : write_yaml(*found);
  };
  EXPECT_EQ(others({"c"}), write_yaml(parse_yaml("[\"route\", \"speed\"]", "expected.yaml")));
  EXPECT_EQ(others({"a", "c"}), write_yaml(parse_yaml("[\"speed\"]", "expected.yaml")));
  EXPECT_EQ(others({"a", "b"}), "none");
}

TEST(SelectTasks, RefusesNamesThatAreNoTasks) {
  EXPECT_THAT(message("tasks: {digit: {target: a}, parity: {target: b}}", {"digits"}),
              HasSubstr("did you mean \"digit\""));
  EXPECT_THAT(message(kThree, {"a", "a"}), HasSubstr("named twice"));
  EXPECT_THAT(message(kThree, {}), HasSubstr("no task is chosen"));
  EXPECT_THAT(message("tasks: 5", {"a"}), HasSubstr("no map of tasks"));
}

TEST(SelectTasks, AListOnTheCommandLineSelects) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "a.yaml";
  write_file_atomically(file, kThree);
  const Node root = load_configuration(file, {"train.epochs=2", "tasks=[c, a]", "balancing.weights.c=9"});
  EXPECT_EQ(root.find("tasks")->entries().at(0).first, "c");
  EXPECT_EQ(write_yaml(*root.find("balancing")->find("weights")), "a: 1\nc: 9\n");
  const Node replaced = load_configuration(file, {"tasks={z: {type: binary, target: z}}"});
  EXPECT_EQ(replaced.find("tasks")->entries().at(0).first, "z");
}

}  // namespace
}  // namespace polytask
