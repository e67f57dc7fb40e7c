#include <gmock/gmock.h>
#include <objectives/support.h>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<TaskType> task(const std::string& yaml) { return create_task("t", section(yaml)); }

TEST(BinaryTask, ResolvesAndDescribesItself) {
  const Node resolved =
      resolve_task_section(section("{type: binary, target: income == >50K, loss: {type: bce, pos_weight: 3}}"));
  EXPECT_EQ(write_yaml(resolved), write_yaml(section(R"({type: "binary", target: "income == >50K",
    loss: {type: bce, pos_weight: [3]}, metrics: ["accuracy", "f1", {type: "auroc", exact_samples: 1000000}], loss_scale: 1})")));
  EXPECT_EQ(write_yaml(resolve_task_section(resolved)), write_yaml(resolved));
  const auto t = create_task("t", resolved);
  EXPECT_EQ(t->outputs(), 1);
  EXPECT_EQ(t->target_request().kind, TargetKind::binary);
  EXPECT_THAT(t->target_request().expressions, ElementsAre("income == >50K"));
  EXPECT_THAT(t->prediction_names(), ElementsAre("income == >50K"));
  EXPECT_FALSE(t->is_classification());
  EXPECT_FALSE(t->is_regression());
}

TEST(BinaryTask, LossPredictionAndMetrics) {
  const auto t = task("{type: binary, target: x, metrics: [accuracy, average_precision]}");
  const at::Tensor output = torch::tensor({{std::log(3.F)}, {0.F}, {-1e30F}}),
                   target = torch::tensor({{1.F}, {0.F}, {0.F}});
  EXPECT_NEAR(t->loss(output, target, bools({1, 1, 0}).view({3, 1})).item<double>(),
              (-std::log(0.75) - std::log(0.5)) / 2, 1e-6);
  EXPECT_TRUE(torch::allclose(t->predict(output), torch::tensor({{0.75F}, {0.5F}, {0.F}})));
  const auto metrics = t->make_metrics();
  metrics->update(output, target, {});
  metrics->update(output, 1 - target, bools({0, 0, 0}).view({3, 1}));
  ASSERT_EQ(metrics->values().size(), 2U);
  EXPECT_DOUBLE_EQ(figure(metrics->values(), "accuracy"), 2.0 / 3);  // 0.5 counts as yes
  EXPECT_EQ(figure(metrics->values(), "average_precision"), 1);
  EXPECT_FALSE(metrics->confusion().defined());
}

TEST(MultilabelTask, HasAFigurePerLabelAndTheirMean) {
  const auto t = task("{type: multilabel, targets: [a, b, c], metrics: [accuracy, auroc]}");
  EXPECT_EQ(t->outputs(), 3);
  const auto metrics = t->make_metrics();
  const at::Tensor output = torch::tensor({{1.F, -1.F, 2.F}, {-1.F, -1.F, 2.F}, {2.F, 1.F, 2.F}});
  const at::Tensor target = torch::tensor({{1.F, 0.F, 1.F}, {0.F, 1.F, 1.F}, {1.F, 1.F, 1.F}});
  const at::Tensor valid = bools({1, 1, 1, 1, 0, 1, 1, 1, 1}).view({3, 3});
  metrics->update(output, target, valid);
  const auto values = metrics->values();
  ASSERT_EQ(values.size(), 8U);
  EXPECT_EQ(values[0].name, "accuracy");
  EXPECT_EQ(values[1].name, "accuracy/a");
  EXPECT_EQ(figure(values, "accuracy"), 1);
  EXPECT_EQ(figure(values, "auroc/b"), 1);
  EXPECT_TRUE(std::isnan(figure(values, "auroc/c")));  // positives only
  EXPECT_EQ(figure(values, "auroc"), 1);               // over the labels where it is defined
  metrics->update(output, target, {});
  EXPECT_DOUBLE_EQ(figure(metrics->values(), "accuracy/b"), 4.0 / 5);
  EXPECT_DOUBLE_EQ(figure(metrics->values(), "accuracy"), (1 + 0.8 + 1) / 3);
  metrics->reset();
  EXPECT_TRUE(std::isnan(figure(metrics->values(), "accuracy")));
}

TEST(MultilabelTask, PositiveWeightsAreByLabel) {
  const auto t = task("{type: multilabel, targets: [a, b], loss: {type: bce, pos_weight: [2, 5]}}");
  const at::Tensor output = torch::zeros({1, 2}), target = torch::ones({1, 2});
  EXPECT_NEAR(t->loss(output, target, {}).item<double>(), 3.5 * std::log(2.0), 1e-6);
}

TEST(MultilabelTask, ResolvesEitherKey) {
  EXPECT_EQ(write_yaml(resolve_task_section(section("{type: multilabel, target: [a, b]}"))),
            write_yaml(resolve_task_section(section("{type: multilabel, targets: [a, b]}"))));
  const Node one = resolve_task_section(section("{type: multilabel, targets: [a]}"));
  EXPECT_EQ(one.text_or("target", ""), "a");
  EXPECT_EQ(write_yaml(resolve_task_section(one)), write_yaml(one));
}

TEST(LabelTasks, Fit) {
  const auto t = task("{type: multilabel, targets: [a, b]}");
  Targets targets;
  targets.values = torch::ones({3, 2});
  t->fit(targets, {0, 1});
  EXPECT_TRUE(t->state().is_map());
  targets.valid = bools({1, 0, 1, 0, 1, 1}).view({3, 2});
  EXPECT_THAT(error_of([&] {
                t->fit(targets, {0, 1});
              }),
              HasSubstr("none of the 2 training samples has a label in \"b\""));
}

TEST(LabelTasks, Errors) {
  const auto error = [](const std::string& yaml) { return error_of([&] { task(yaml); }); };
  EXPECT_THAT(error("{type: binary, target: [a, b]}"), HasSubstr("one target expected, got 2; use type: multilabel"));
  EXPECT_THAT(error("{type: multilabel}"), HasSubstr("no target given"));
  EXPECT_THAT(error("{type: multilabel, targets: [a, a]}"), HasSubstr("\"a\" is listed twice"));
  EXPECT_THAT(error("{type: multilabel, targets: [a, \"\"]}"), HasSubstr("a target is empty"));
  EXPECT_THAT(error("{type: multilabel, targets: [a, b], target: c}"),
              HasSubstr("\"target\" and \"targets\" are both given"));
  EXPECT_THAT(error("{type: binary, target: x, loss: cross_entropy}"), HasSubstr("unknown binary loss"));
  EXPECT_THAT(error("{type: binary, target: x, loss: {type: bce, pos_weight: [1, 2]}}"),
              HasSubstr("task \"t\": bce: pos_weight needs one number per label, 1, got 2"));
  EXPECT_THAT(error("{type: binary, target: x, metrics: [mae]}"), HasSubstr("unknown binary metric \"mae\""));
  EXPECT_THAT(error_of([] {
                task("{type: binary, target: x}")->loss(torch::zeros({2, 1}), torch::zeros({2}), {});
              }),
              HasSubstr("targets of shape [2], expected [B, 1]"));
}

}  // namespace
}  // namespace polytask
