#include "support/experiments.h"
#include "support/temporary_directory.h"

#include <polytask/core/random.h>
#include <polytask/io/json.h>
#include <polytask/training/step.h>
#include <polytask/training/train.h>

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <fstream>

namespace polytask {
namespace {

// Two ways to say that each row has a label for one of two tasks only: one table with gaps, and a table for each task.
class PartialLabelsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream one(path("all.csv")), first(path("first.csv")), second(path("second.csv"));
    one << "x1,x2,x3,kind,y\n";
    first << "x1,x2,x3,kind\n";
    second << "x1,x2,x3,y\n";
    Random random(3, "rows");
    for (int row = 0; row < 100; ++row) {
      const double x1 = random.normal(), x2 = random.normal(), x3 = random.normal();
      const std::string x = fmt::format("{},{},{}", x1, x2, x3);
      const std::string kind = x1 + x2 > 0 ? "a" : "b";
      const double y = x2 - 2 * x3;
      if (row < 60) {
        one << x << ',' << kind << ",\n";
        first << x << ',' << kind << '\n';
      } else {
        one << x << ",," << y << '\n';
        second << x << ',' << y << '\n';
      }
    }
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  std::string gaps() const { return fmt::format("{{source: table, path: {}, batch_size: 16}}", path("all.csv")); }
  std::string apart() const {
    return fmt::format(
        "{{source: multi, sources: {{one: {{source: table, path: {}}}, two: {{source: table, path: {}}}}}, batch_size: "
        "16}}",
        path("first.csv"), path("second.csv"));
  }
  static Node experiment(const std::string& data, const std::string& balancing) {
    return configuration(R"(
name: partial
seed: 7
device: cpu
threads: 1
model: {backbone: {type: mlp, hidden: [12, 8]}}
tasks: {kind: {type: classification, target: kind}, y: {type: regression, target: y}}
optimizer: {type: adamw, lr: 1e-2}
train: {epochs: 4}
tracking: {tensorboard: false}
)",
                         {"data=" + data, "balancing=" + balancing});
  }
  TrainResult run(const std::string& name, const std::string& data, const std::string& balancing) {
    return train(experiment(data, balancing), {path(name), {"test"}});
  }
  Checkpoint last(const std::string& name) {
    return load_checkpoint(directory_.path() / name / "checkpoints" / "last.safetensors");
  }
  TemporaryDirectory directory_;
};

void expect_close(const at::Tensor& a, const at::Tensor& b, const std::string& name) {
  ASSERT_EQ(a.sizes(), b.sizes()) << name;
  const double scale = std::max(1e-3, a.to(at::kDouble).abs().max().item<double>());
  EXPECT_LE((a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>(), 1e-6 * scale) << name;
}

TEST_F(PartialLabelsTest, MaskedLabelsAreSplitSamples) {
  for (const char* balancing : {"{method: uncertainty}", "{method: pcgrad}"}) {
    const auto one = run(fmt::format("one{}", balancing[10]), gaps(), balancing);
    const auto two = run(fmt::format("two{}", balancing[10]), apart(), balancing);
    ASSERT_EQ(one.progress.step, 4 * 7);
    ASSERT_EQ(one.progress.epoch_losses.size(), two.progress.epoch_losses.size());
    for (size_t e = 0; e < one.progress.epoch_losses.size(); ++e)
      for (size_t t = 0; t < 2; ++t)
        EXPECT_NEAR(one.progress.epoch_losses[e][t], two.progress.epoch_losses[e][t],
                    1e-6 * one.progress.epoch_losses[e][t]);
    EXPECT_LT(one.progress.epoch_losses.back()[0], 0.9 * one.progress.epoch_losses.front()[0]);
    const auto a = last(fmt::format("one{}", balancing[10])), b = last(fmt::format("two{}", balancing[10]));
    const auto weights = a.part("model.");
    ASSERT_GT(weights.size(), 4U);
    for (const auto& [name, tensor] : weights) expect_close(tensor, b.part("model.").at(name), name);
  }
}

// Every task type, by a batch whose rows have all labels against one with each row once for each task.
TEST_F(PartialLabelsTest, RowsWithAllLabelsAreWorthTheirDoubles) {
  Session session = open_session(resolve_experiment(configuration(R"(
name: doubles
device: cpu
threads: 1
data: {source: tabular, count: 200}
model: {backbone: {type: mlp, hidden: [16]}}
tasks:
  kind: {type: classification, target: kind}
  defect: {type: binary, target: defect}
  both: {type: multilabel, targets: [defect, strength >= 50]}
  figures: {type: regression, targets: [strength, price]}
)")));
  GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(),
                             session.balancer->method().parameters(), session.task_names());
  Random random(1, "balance");
  Stepper stepper(session, optimizer, random);
  const std::vector<int64_t> rows = {3, 50, 7, 120, 199, 8};
  const Batch whole = session.data.dataset->batch(rows);
  std::vector<int64_t> repeated;
  for (size_t task = 0; task < 4; ++task) repeated.insert(repeated.end(), rows.begin(), rows.end());
  Batch doubled = session.data.dataset->batch(repeated);
  for (size_t task = 0; task < 4; ++task) {
    at::Tensor& valid = doubled.valid[session.task_names()[task]];
    valid = at::zeros_like(doubled.targets.at(session.task_names()[task]), at::kBool);
    valid.narrow(0, static_cast<int64_t>(task * rows.size()), static_cast<int64_t>(rows.size())).fill_(true);
  }
  const auto expected = stepper.forward_losses(whole), losses = stepper.forward_losses(doubled);
  std::vector<at::Tensor> parameters;
  std::vector<std::string> names;
  for (const auto& parameter : session.model->model_parameters()) {
    parameters.push_back(parameter.tensor);
    names.push_back(parameter.name);
  }
  for (size_t task = 0; task < 4; ++task) {
    expect_close(expected[task].detach(), losses[task].detach(), session.task_names()[task]);
    const auto a = torch::autograd::grad({expected[task]}, parameters, {}, true, false, true);
    const auto b = torch::autograd::grad({losses[task]}, parameters, {}, true, false, true);
    for (size_t p = 0; p < parameters.size(); ++p) {
      ASSERT_EQ(a[p].defined(), b[p].defined()) << names[p];
      if (a[p].defined()) expect_close(a[p], b[p], session.task_names()[task] + ": " + names[p]);
    }
  }
}

}  // namespace
}  // namespace polytask
