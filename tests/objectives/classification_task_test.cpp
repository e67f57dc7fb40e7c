#include <polytask/io/json.h>

#include <gmock/gmock.h>
#include <objectives/support.h>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Targets labelled(const std::vector<int64_t>& labels, std::vector<std::string> names = {}) {
  Targets targets;
  targets.values = longs(labels);
  targets.class_names = std::move(names);
  return targets;
}

std::unique_ptr<TaskType> task(const std::string& yaml) { return create_task("t", section(yaml)); }

std::unique_ptr<TaskType> fitted(const std::string& yaml, const Targets& targets) {
  auto result = task(yaml);
  result->fit(targets, range(targets.values.size(0)));
  return result;
}

TEST(ClassificationTask, ResolvesEveryDefaultOnceAndForAll) {
  const Node resolved = resolve_task_section(section(
      "{type: classification, target: label, loss: {type: focal}, metrics: [accuracy, {top_k: {k: 3}}, {type: top_k}], "
      "head: {type: mlp, hidden: [64]}}"));
  EXPECT_EQ(write_yaml(resolved), write_yaml(section(R"({
    type: "classification", target: "label", classes: 0, class_names: [], loss: {type: focal, gamma: 2},
    metrics: ["accuracy", {type: top_k, k: 3}, {type: top_k, k: 5}], loss_scale: 1, head: {type: mlp, hidden: [64]}})")));
  EXPECT_EQ(write_yaml(resolve_task_section(resolved)), write_yaml(resolved));
}

TEST(ClassificationTask, HasDefaults) {
  const Node resolved = resolve_task_section(section("{type: classification, target: [label]}"));
  EXPECT_EQ(resolved.find("loss")->text_or("type", ""), "cross_entropy");
  EXPECT_EQ(resolved.find("loss")->text_or("label_smoothing", ""), "0");
  EXPECT_EQ(resolved.text_or("target", ""), "label");
  ASSERT_EQ(resolved.find("metrics")->items().size(), 2U);
  EXPECT_EQ(resolved.find("metrics")->items()[1].text(), "macro_f1");
  EXPECT_EQ(resolved.find("head"), nullptr);
}

TEST(ClassificationTask, AsksForItsTarget) {
  const auto request = task("{type: classification, target: label mod 2, class_names: [even, odd]}")->target_request();
  EXPECT_EQ(request.task, "t");
  EXPECT_EQ(request.kind, TargetKind::classes);
  EXPECT_THAT(request.expressions, ElementsAre("label mod 2"));
  EXPECT_THAT(request.class_names, ElementsAre("even", "odd"));
  EXPECT_EQ(request.classes, 0);
}

TEST(ClassificationTask, TakesClassesFromDataNamesOrOptions) {
  EXPECT_EQ(fitted("{type: classification, target: x}", labelled({0, 2, 1}))->outputs(), 3);
  const auto ten = fitted("{type: classification, target: x, classes: 10}", labelled({0, 2, 1}));
  EXPECT_EQ(ten->outputs(), 10);
  EXPECT_EQ(ten->class_names()[9], "9");
  EXPECT_TRUE(ten->is_classification());
  EXPECT_FALSE(ten->is_regression());
  const auto named = fitted("{type: classification, target: x}", labelled({0, 1}, {"cat", "dog"}));
  EXPECT_THAT(named->class_names(), ElementsAre("cat", "dog"));
  EXPECT_THAT(named->prediction_names(), ElementsAre("cat", "dog"));
}

TEST(ClassificationTask, PredictsProbabilities) {
  const auto t = fitted("{type: classification, target: x}", labelled({0, 1}));
  const at::Tensor p = t->predict(torch::tensor({{0.F, 0.F}, {std::log(3.F), 0.F}}));
  EXPECT_TRUE(torch::allclose(p, torch::tensor({{0.5F, 0.5F}, {0.75F, 0.25F}})));
}

TEST(ClassificationTask, BalancedWeightsComeFromTrainingCounts) {
  // Training rows hold 4, 1 and 0 samples (one more is unlabelled); the rest of the data does not count.
  Targets targets = labelled({0, 0, 0, 0, 1, 1, 2, 2}, {"a", "b", "c"});
  targets.valid = bools({1, 1, 1, 1, 1, 0, 1, 1});
  const auto balanced = task("{type: classification, target: x, loss: {type: cross_entropy, class_weights: balanced}}");
  balanced->fit(targets, {0, 1, 2, 3, 4, 5});
  const std::string by_hand = number_text(5.0 / 12) + ", " + number_text(5.0 / 3) + ", " + number_text(5.0 / 3);
  const auto given = fitted(
      "{type: classification, target: x, loss: {type: cross_entropy, class_weights: [" + by_hand + "]}}", targets);
  torch::manual_seed(1);
  const at::Tensor output = torch::randn({4, 3}, torch::kDouble), target = longs({0, 1, 2, 1});
  EXPECT_DOUBLE_EQ(balanced->loss(output, target, {}).item<double>(), given->loss(output, target, {}).item<double>());
  const auto plain = fitted("{type: classification, target: x}", targets);
  EXPECT_GT(std::abs(plain->loss(output, target, {}).item<double>() - given->loss(output, target, {}).item<double>()),
            1e-3);

  // A task loaded from its state, through JSON, weighs alike.
  const auto loaded = task("{type: classification, target: x, loss: {type: cross_entropy, class_weights: balanced}}");
  loaded->load_state(parse_json(write_json(balanced->state()), "state"));
  EXPECT_EQ(loaded->loss(output, target, {}).item<double>(), balanced->loss(output, target, {}).item<double>());
  EXPECT_EQ(loaded->class_names(), balanced->class_names());
  EXPECT_EQ(write_json(loaded->state()), write_json(balanced->state()));
}

TEST(ClassificationTask, LossIsTheMeanOverLabelled) {
  const auto t = fitted("{type: classification, target: x}", labelled({0, 1, 2}));
  torch::manual_seed(2);
  const at::Tensor output = torch::randn({3, 3}, torch::kDouble), target = longs({2, 0, 1});
  const double first = t->loss(output.slice(0, 0, 1), target.slice(0, 0, 1), {}).item<double>();
  const double last = t->loss(output.slice(0, 2, 3), target.slice(0, 2, 3), {}).item<double>();
  EXPECT_NEAR(t->loss(output, target, bools({1, 0, 1})).item<double>(), (first + last) / 2, 1e-12);
  // A mask's filler may be no class at all.
  EXPECT_NEAR(t->loss(output, longs({2, -1, 1}), bools({1, 0, 1})).item<double>(), (first + last) / 2, 1e-12);
  EXPECT_EQ(t->loss_scale(), 1);
  EXPECT_EQ(task("{type: classification, target: x, loss_scale: 2.5}")->loss_scale(), 2.5);
}

TEST(ClassificationTask, MetricsSeeLabelledSamplesOnly) {
  const auto t = fitted("{type: classification, target: x, metrics: [accuracy, {top_k: {k: 2}}]}", labelled({0, 1, 2}));
  const auto metrics = t->make_metrics();
  const at::Tensor output = torch::tensor({{3.F, 2.F, 1.F}, {3.F, 2.F, 1.F}, {1.F, 2.F, 3.F}}).set_requires_grad(true);
  metrics->update(output, longs({0, 1, 0}), {});
  metrics->update(output, longs({2, -1, -1}), bools({1, 0, 0}));
  EXPECT_EQ(figure(metrics->values(), "accuracy"), 1.0 / 4);
  EXPECT_EQ(figure(metrics->values(), "top_2"), 2.0 / 4);
  EXPECT_EQ(metrics->values()[0].direction, Direction::higher_is_better);
  EXPECT_EQ(metrics->values()[0].unit, "");
  EXPECT_TRUE(metrics->confusion().equal(longs({1, 0, 1, 1, 0, 0, 1, 0, 0}).view({3, 3})));
  metrics->reset();
  EXPECT_TRUE(std::isnan(figure(metrics->values(), "accuracy")));
  EXPECT_EQ(metrics->confusion().sum().item<int64_t>(), 0);
}

TEST(ClassificationTask, ManyClassesHaveNoConfusionMatrix) {
  const auto t = fitted("{type: classification, target: x, classes: 100000}", labelled({0, 99999}));
  const auto metrics = t->make_metrics();
  metrics->update(torch::zeros({2, 100000}), longs({0, 99999}), {});
  EXPECT_FALSE(metrics->confusion().defined());
  EXPECT_EQ(figure(metrics->values(), "accuracy"), 0.5);
}

TEST(ClassificationTask, ConfigurationErrors) {
  const auto error = [](const std::string& yaml) {
    return error_of([&] {
      resolve_task_section(section(yaml));
      task(yaml);
    });
  };
  EXPECT_THAT(error("{type: clasification, target: x}"),
              HasSubstr("unknown task type \"clasification\"; did you mean \"classification\"?"));
  EXPECT_THAT(error("{target: x}"), HasSubstr("no task type given"));
  EXPECT_THAT(error("{type: classification}"), HasSubstr("\"target\" is missing"));
  EXPECT_THAT(error("{type: classification, target: []}"), HasSubstr("no target given"));
  EXPECT_THAT(error("{type: classification, target: [a, b]}"),
              HasSubstr("one target expected, got 2; make a task of each"));
  EXPECT_THAT(error("{type: classification, target: x, targets: [y]}"), HasSubstr("are both given"));
  EXPECT_THAT(error("{type: classification, target: x, loss: mse}"),
              HasSubstr("test.yaml:1: tasks.t.loss: unknown classification loss \"mse\""));
  EXPECT_THAT(error("{type: classification, target: x, loss: {gamma: 2, type: focl}}"),
              HasSubstr("did you mean \"focal\"?"));
  EXPECT_THAT(error("{type: classification, target: x, loss: {focal: 2}}"), HasSubstr("expected a map of options"));
  EXPECT_THAT(error("{type: classification, target: x, metrics: [acuracy]}"), HasSubstr("did you mean \"accuracy\"?"));
  EXPECT_THAT(error("{type: classification, target: x, los: mse}"), HasSubstr("unknown key; did you mean \"loss\"?"));
  EXPECT_THAT(error("{type: classification, target: x, loss_scale: 0}"), HasSubstr("must be > 0"));
  EXPECT_THAT(error("{type: classification, target: x, classes: 1}"), HasSubstr("task \"t\": classes is 1"));
  EXPECT_THAT(error("{type: classification, target: x, classes: -1}"), HasSubstr("must be ≥ 0"));
  EXPECT_THAT(error("{type: classification, target: x, class_names: [a]}"), HasSubstr("only one class is named"));
  EXPECT_THAT(error("{type: classification, target: x, class_names: [a, a]}"), HasSubstr("\"a\" is named twice"));
  EXPECT_THAT(error("{type: classification, target: x, classes: 3, class_names: [a, b]}"),
              HasSubstr("classes is 3, but 2 class_names"));
}

TEST(ClassificationTask, FitErrors) {
  const auto error = [](const std::string& yaml, const Targets& targets) {
    return error_of([&] { fitted(yaml, targets); });
  };
  EXPECT_THAT(error("{type: classification, target: x}", labelled({0, 0})), HasSubstr("\"x\" has 1 class in the data"));
  EXPECT_THAT(error("{type: classification, target: x}", labelled({0, 0}, {"cat"})),
              HasSubstr("has 1 class in the data"));
  EXPECT_THAT(error("{type: classification, target: x, classes: 2}", labelled({0, 2})),
              HasSubstr("labels from 0 to 2 for 2 classes"));
  EXPECT_THAT(error("{type: classification, target: x, classes: 3}", labelled({0, 1}, {"a", "b"})),
              HasSubstr("classes is 3, but the data have 2"));
  Targets none = labelled({0, 1});
  none.valid = bools({0, 0});
  EXPECT_THAT(error("{type: classification, target: x, classes: 2}", none),
              HasSubstr("none of the 2 training samples has a label in \"x\""));
  EXPECT_THAT(error("{type: classification, target: x, metrics: [{top_k: {k: 4}}]}", labelled({0, 1, 2})),
              HasSubstr("task \"t\": top_k: k is 4, but there are only 3 classes"));
  EXPECT_THAT(error("{type: classification, target: x, metrics: [accuracy, accuracy]}", labelled({0, 1, 2})),
              HasSubstr("\"accuracy\" is listed twice"));
  EXPECT_THAT(error("{type: classification, target: x, loss: {type: focal, class_weights: [1]}}", labelled({0, 1, 2})),
              HasSubstr("tasks.t.loss.class_weights: 1 class weights for 3 classes"));
}

TEST(ClassificationTask, ShapeAndStateErrors) {
  const auto t = fitted("{type: classification, target: x}", labelled({0, 1}));
  EXPECT_THAT(error_of([&] {
                t->loss(torch::zeros({2, 3}), longs({0, 1}), {});
              }),
              HasSubstr("output of shape [2, 3], expected [2, 2]"));
  EXPECT_THAT(error_of([&] {
                t->loss(torch::zeros({2, 2}), longs({0, 1}).view({2, 1}), {});
              }),
              HasSubstr("targets of shape [2, 1], expected [B]"));
  EXPECT_THAT(error_of([&] {
                t->loss(torch::zeros({2, 2}), longs({0, 1}), bools({1}));
              }),
              HasSubstr("mask of shape [1]"));
  const auto fresh = task("{type: classification, target: x, classes: 3}");
  EXPECT_THROW(fresh->outputs(), WorkError);
  EXPECT_THAT(error_of([&] { fresh->load_state(Node::map_of()); }), HasSubstr("has no list \"class_names\""));
  EXPECT_THAT(error_of([&] { fresh->load_state(t->state()); }), HasSubstr("has 2 classes, its section 3"));
  EXPECT_THAT(error_of([&] { task("{type: classification, target: x, class_names: [b, a]}")->load_state(t->state()); }),
              HasSubstr("has the classes 0, 1, its section b, a"));
  EXPECT_THAT(error_of([&] { fresh->load_state(section("{class_names: [a, b], train_counts: [1]}")); }),
              HasSubstr("2 class names and 1 counts"));
}

}  // namespace
}  // namespace polytask
