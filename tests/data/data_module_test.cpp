#include <polytask/config/yaml.h>
#include <polytask/core/progress.h>
#include <polytask/data/data_module.h>
#include <polytask/data/make.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <ATen/ATen.h>

#include <fstream>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Node section(const std::string& yaml) {
  Node node = parse_yaml(yaml, "test.yaml");
  set_paths(node, "data");
  return node;
}

TargetRequest request(const std::string& task, TargetKind kind, const std::string& expression) {
  TargetRequest result;
  result.task = task;
  result.kind = kind;
  result.expressions = {expression};
  return result;
}

std::vector<TargetRequest> tabular_tasks() {
  return {request("kind", TargetKind::classes, "kind"), request("price", TargetKind::real, "price")};
}

TEST(ResolveData, WritesEveryDefaultOnceAndForAll) {
  const Node once =
      resolve_data_section(section("{source: implants, count: 100, batch_size: 32, sampler: {type: balanced, task: "
                                   "model}, transforms: [flip, {type: "
                                   "shift, pixels: 3}], split: {validation: 0.1}}"));
  const std::string text = write_yaml(once);
  EXPECT_EQ(text, write_yaml(resolve_data_section(once)));
  EXPECT_EQ(text, write_yaml(resolve_data_section(section(text))));
  EXPECT_EQ(once.entries().front().first, "source");
  EXPECT_EQ(once.find("count")->text(), "100");
  EXPECT_EQ(once.find("size")->text(), "64");
  EXPECT_EQ(once.find("workers")->text(), "1");
  EXPECT_EQ(once.find("split")->find("warn_leaks")->text(), "true");
  EXPECT_EQ(once.find("transforms")->items().at(0).find("horizontal")->text(), "0.5");
  EXPECT_EQ(once.find("transforms")->items().at(1).find("fill")->text(), "0");
  EXPECT_EQ(once.find("sampler")->find("task")->text(), "model");
}

TEST(ResolveData, EverySourceWithoutRequiredOptionsIsIdempotent) {
  for (const std::string name : {"implants", "tabular", "driving"}) {
    const Node once = resolve_data_section(section("{source: " + name + "}"));
    EXPECT_EQ(write_yaml(once), write_yaml(resolve_data_section(section(write_yaml(once))))) << name;
    EXPECT_EQ(once.find("sampler")->find("type")->text(), "shuffle");
    EXPECT_TRUE(once.find("transforms")->is_sequence());
  }
}

TEST(ResolveData, MistakesAreNamed) {
  const auto failing = [](const std::string& yaml) { return error_of([&] { resolve_data_section(section(yaml)); }); };
  EXPECT_THAT(failing("{count: 3}"), HasSubstr("no data source given"));
  EXPECT_THAT(failing("{source: implant}"), HasSubstr("did you mean \"implants\""));
  EXPECT_THAT(failing("{source: implants, batchsize: 3}"),
              HasSubstr("data.batchsize: unknown key; did you mean \"batch_size\""));
  EXPECT_THAT(failing("{source: implants, rotation: 3, cuont: 3}"), HasSubstr("unknown key"));
  EXPECT_THAT(failing("{source: implants, cuont: 3}"), HasSubstr("did you mean \"count\""));
  EXPECT_THAT(failing("{source: implants, split: {valdation: 0.1}}"), HasSubstr("did you mean \"validation\""));
  EXPECT_THAT(failing("{source: implants, split: {validation: 1}}"), HasSubstr("< 1"));
  EXPECT_THAT(failing("{source: implants, transforms: [flop]}"), HasSubstr("did you mean \"flip\""));
  EXPECT_THAT(failing("{source: implants, transforms: {type: flip}}"), HasSubstr("expected a list of transforms"));
  EXPECT_THAT(failing("{source: implants, sampler: balanced}"), HasSubstr("\"task\" is missing"));
  EXPECT_THAT(failing("{source: implants, on_bad_sample: ignore}"), HasSubstr("one of error, skip"));
  EXPECT_THAT(failing("{source: implants, batch_size: 0}"), HasSubstr("test.yaml:1"));
  EXPECT_THAT(failing("[implants]"), HasSubstr("expected a map"));
}

TEST(OpenData, OpensSplitsFitsAndEncodes) {
  const DataModule module =
      open_data(section("{source: tabular, count: 200, split: {validation: 0.25, stratify: kind}, batch_size: 16}"),
                tabular_tasks(), 3);
  EXPECT_EQ(module.split.train.size(), 150U);
  EXPECT_EQ(module.split.validation.size(), 50U);
  EXPECT_EQ(module.loader.batch_size, 16);
  EXPECT_THAT(module.warnings, IsEmpty());
  EXPECT_THAT(module.dataset->targets().at("kind").class_names, ElementsAre("a", "b", "c", "d"));
  const Batch batch = module.dataset->batch(module.split.train);
  EXPECT_EQ(batch.inputs.at("features").sizes(), (std::vector<int64_t>{150, 12 + 4 + 3}));
  EXPECT_NEAR(batch.inputs.at("features").narrow(1, 0, 12).std(0, false).mean().item<double>(), 1, 1e-4);
  EXPECT_EQ(batch.targets.at("price").sizes(), (std::vector<int64_t>{150, 1}));
  EXPECT_EQ(module.sampler->order(1, 0).size(), 150U);
}

TEST(OpenData, ColumnsOfTasksAndSplitAreNoInputs) {
  const auto tasks = std::vector<TargetRequest>{request("high", TargetKind::binary, "x1 >= 0")};
  const DataModule module =
      open_data(section("{source: tabular, count: 60, split: {validation: 0.3, group: quality}}"), tasks, 3);
  const InputSpec spec = module.dataset->source().inputs().at(0);
  for (const auto& column : spec.columns) EXPECT_TRUE(column.name != "x1" && column.name != "quality") << column.name;
}

TEST(OpenData, FittedPreprocessingIsTaken) {
  const Node config = section("{source: tabular, count: 100, split: {validation: 0.2}}");
  const DataModule first = open_data(config, tabular_tasks(), 3);
  const DataModule other = open_data(config, tabular_tasks(), 8, first.dataset->preprocess());
  EXPECT_TRUE(at::equal(other.dataset->preprocess().at(0).state().at("mean"),
                        first.dataset->preprocess().at(0).state().at("mean")));
  const Node wider = section("{source: tabular, count: 100, features: 20}");
  EXPECT_THAT(error_of([&] { open_data(wider, tabular_tasks(), 3, first.dataset->preprocess()); }),
              HasSubstr("the model was trained on"));
}

TEST(OpenData, MistakesAreNamed) {
  const auto failing = [](const std::string& yaml, const std::vector<TargetRequest>& tasks) {
    return error_of([&] { open_data(section(yaml), tasks, 1); });
  };
  EXPECT_THAT(failing("{source: tabular, count: 50, transforms: [flip]}", tabular_tasks()),
              HasSubstr("this source has none"));
  EXPECT_THAT(failing("{source: tabular, count: 50, drop_last: true}", tabular_tasks()),
              HasSubstr("50 training rows make no full batch of 64"));
  EXPECT_THAT(failing("{source: tabular, count: 50}", {request("p", TargetKind::real, "prise")}),
              HasSubstr("\"price\""));
  EXPECT_THAT(failing("{source: tabular, count: 50, sampler: {type: balanced, task: kin}}", tabular_tasks()),
              HasSubstr("did you mean \"kind\""));
}

TEST(OpenData, LeaksBecomeWarnings) {
  const TemporaryDirectory directory;
  std::string csv = "patient,x,y\n";
  for (int i = 0; i < 60; ++i) csv += fmt::format("p{},{},{}\n", i % 10, i, 2 * i);
  const auto file = directory.path() / "table.csv";
  { std::ofstream(file) << csv; }
  const std::string base = "{source: table, path: " + file.string() + ", split: {validation: 0.5";
  const std::vector<TargetRequest> tasks = {request("y", TargetKind::real, "y")};
  EXPECT_THAT(open_data(section(base + "}}"), tasks, 1).warnings,
              ElementsAre(HasSubstr("set data.split.group: patient")));
  EXPECT_THAT(open_data(section(base + ", warn_leaks: false}}"), tasks, 1).warnings, IsEmpty());
  EXPECT_THAT(open_data(section(base + ", group: patient}}"), tasks, 1).warnings, IsEmpty());
}

TEST(OpenForPrediction, MadeSourcesReadFiles) {
  set_progress_enabled(false);
  const TemporaryDirectory directory;
  MakeOptions make;
  make.directory = directory.path() / "pictures";
  make.count = 6;
  make_data("implants", make);
  make.directory = directory.path() / "rows";
  make_data("tabular", make);

  const Node pictures = section("{source: implants, count: 6}");
  const auto implants = open_data(pictures, {request("model", TargetKind::classes, "model")}, 1);
  const auto opened = open_for_prediction(pictures, {(directory.path() / "pictures/images/00003.png").string()},
                                          implants.dataset->preprocess());
  EXPECT_TRUE(opened->targets().empty());
  EXPECT_TRUE(at::equal(opened->batch({0}).inputs.at("image"), implants.dataset->batch({3}).inputs.at("image")));

  const Node rows = section("{source: tabular, count: 6}");
  const auto tabular = open_data(rows, tabular_tasks(), 1);
  const auto table =
      open_for_prediction(rows, {(directory.path() / "rows/train.csv").string()}, tabular.dataset->preprocess());
  EXPECT_EQ(table->batch({0}).inputs.at("features").sizes(), tabular.dataset->batch({0}).inputs.at("features").sizes());
  EXPECT_THAT(error_of([&] { open_for_prediction(rows, {}, tabular.dataset->preprocess()); }),
              HasSubstr("no file to predict"));
}

}  // namespace
}  // namespace polytask
