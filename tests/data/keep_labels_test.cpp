#include <polytask/config/yaml.h>
#include <polytask/data/data_module.h>
#include <polytask/data/keep_labels.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <numeric>

namespace polytask {
namespace {

using testing::HasSubstr;

std::vector<int64_t> rows(int64_t begin, int64_t end) {
  std::vector<int64_t> result(static_cast<size_t>(end - begin));
  std::iota(result.begin(), result.end(), begin);
  return result;
}

int64_t count(const at::Tensor& mask, int64_t begin, int64_t end) {
  return mask.narrow(0, begin, end - begin).sum().item<int64_t>();
}

TEST(KeepLabels, TheShareOfTheTrainingLabelsIsExact) {
  Targets targets;
  targets.values = at::arange(200, at::kLong);
  keep_labels(targets, "kind", rows(0, 150), 0.1, 1);
  EXPECT_EQ(count(targets.valid, 0, 150), 15);
  EXPECT_EQ(count(targets.valid, 150, 200), 50);
  EXPECT_TRUE(at::equal(targets.values, at::arange(200, at::kLong)));
}

TEST(KeepLabels, ASharePartlyLabelledCountsLabelsOnly) {
  Targets targets;
  targets.values = at::zeros({100, 2}, at::kFloat);
  targets.valid = at::zeros({100, 2}, at::kBool);
  targets.valid.narrow(0, 0, 40).fill_(true);
  targets.valid.select(1, 1).narrow(0, 0, 20).fill_(false);  // one of the two targets is a label as well
  keep_labels(targets, "sizes", rows(0, 100), 0.5, 1);
  const at::Tensor any = targets.valid.any(1);
  EXPECT_EQ(count(any, 0, 40), 20);
  EXPECT_EQ(count(any, 40, 100), 0);
  EXPECT_EQ(count(targets.valid.select(1, 1), 0, 20), 0);
  // rows keep all of their labels or none
  EXPECT_TRUE(at::equal(targets.valid.narrow(0, 20, 20).select(1, 0), targets.valid.narrow(0, 20, 20).select(1, 1)));
}

TEST(KeepLabels, TasksAreDrawnApartAndBySeed) {
  const auto kept = [](const std::string& task, uint64_t seed) {
    Targets targets;
    targets.values = at::zeros({100}, at::kLong);
    keep_labels(targets, task, rows(0, 100), 0.5, seed);
    return targets.valid;
  };
  EXPECT_TRUE(at::equal(kept("a", 1), kept("a", 1)));
  EXPECT_FALSE(at::equal(kept("a", 1), kept("b", 1)));
  EXPECT_FALSE(at::equal(kept("a", 1), kept("a", 2)));
}

TEST(KeepLabels, AllOrNone) {
  Targets targets;
  targets.values = at::zeros({10}, at::kLong);
  keep_labels(targets, "a", rows(0, 10), 1, 1);
  EXPECT_FALSE(targets.valid.defined());
  EXPECT_THAT(error_of([&] { keep_labels(targets, "a", rows(0, 10), 0.04, 1); }),
              HasSubstr("0.04 of the 10 training labels of task \"a\""));
}

DataModule open(const std::string& more) {
  Node section = parse_yaml("{source: tabular, count: 200, split: {validation: 0.25}" + more + "}", "test.yaml");
  set_paths(section, "data");
  TargetRequest kind, price;
  kind.task = "kind";
  kind.expressions = {"kind"};
  price.task = "price";
  price.kind = TargetKind::real;
  price.expressions = {"price"};
  return open_data(section, {kind, price}, 3);
}

TEST(KeepLabels, OfAnExperiment) {
  const DataModule whole = open(""), part = open(", keep_labels: 0.2");
  EXPECT_EQ(part.split.train, whole.split.train);
  for (const auto& [task, targets] : part.dataset->targets()) {
    const at::Tensor valid = targets.valid.view({200, -1}).any(1);
    int64_t kept = 0;
    for (const int64_t row : part.split.train) kept += valid[row].item<bool>();
    for (const int64_t row : part.split.validation) EXPECT_TRUE(valid[row].item<bool>()) << task;
    EXPECT_EQ(kept, 30) << task;
    EXPECT_EQ(targets.class_names, whole.dataset->targets().at(task).class_names);
  }
  EXPECT_TRUE(at::equal(part.dataset->preprocess().at(0).state().at("mean"),
                        whole.dataset->preprocess().at(0).state().at("mean")));
  EXPECT_THAT(error_of([] { open(", keep_labels: 0"); }), HasSubstr("must be > 0, ≤ 1"));
}

}  // namespace
}  // namespace polytask
