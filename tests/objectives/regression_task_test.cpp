#include <polytask/io/json.h>
#include <polytask/objectives/loss.h>

#include <gmock/gmock.h>
#include <objectives/support.h>

#include <torch/csrc/jit/frontend/tracer.h>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<TaskType> task(const std::string& yaml) { return create_task("t", section(yaml)); }

Targets numbers(const at::Tensor& values, const at::Tensor& valid = {}) {
  Targets targets;
  targets.values = values.to(torch::kFloat);
  targets.valid = valid;
  return targets;
}

TEST(RegressionTask, ResolvesEveryDefaultOnceAndForAll) {
  const Node resolved =
      resolve_task_section(section("{type: regression, targets: [a, b], unit: mm, loss: huber, head: {type: linear}}"));
  EXPECT_EQ(write_yaml(resolved),
            write_yaml(section(R"({type: "regression", targets: ["a", "b"], standardise: true, log: false,
    unit: "mm", loss: {type: huber, delta: 1}, metrics: ["mae", "rmse", "r2"], loss_scale: 1, head: {type: linear}})")));
  EXPECT_EQ(write_yaml(resolve_task_section(resolved)), write_yaml(resolved));
  const auto request = create_task("t", resolved)->target_request();
  EXPECT_EQ(request.kind, TargetKind::real);
  EXPECT_THAT(request.expressions, ElementsAre("a", "b"));
}

TEST(RegressionTask, StandardisesByTheLabelledTrainingValues) {
  // Column a: training values 1, 3, 5 (and an unlabelled filler); column b is constant there.
  const at::Tensor values = doubles({1, 7, 3, 7, 5, 7, 1e9, 7, 100, 8}).view({5, 2});
  const at::Tensor valid = bools({1, 1, 1, 1, 1, 1, 0, 1, 1, 1}).view({5, 2});
  const auto t = task("{type: regression, targets: [a, b]}");
  t->fit(numbers(values, valid), {0, 1, 2, 3});
  const double std = std::sqrt(8.0 / 3);
  const at::Tensor zero = torch::zeros({1, 2}, torch::kDouble);
  EXPECT_TRUE(t->predict(zero).equal(doubles({3, 7}).view({1, 2})));
  EXPECT_TRUE(torch::allclose(t->predict(zero + 1), doubles({3 + std, 8}).view({1, 2})));
  EXPECT_EQ(t->predict(torch::zeros({1, 2})).scalar_type(), torch::kDouble);
  const at::Tensor target = doubles({5, 9}).view({1, 2});
  EXPECT_NEAR(t->loss(zero, target, {}).item<double>(), (4 / (std * std) + 4) / 2, 1e-12);
}

TEST(RegressionTask, InvertsStandardisationExactly) {
  torch::manual_seed(1);
  const at::Tensor values =
      torch::randn({50, 3}) * torch::tensor({1e-3F, 1.F, 1e4F}) + torch::tensor({0.F, -5.F, 1e6F});
  for (const std::string options : {"", ", standardise: false"}) {
    const auto t = task("{type: regression, targets: [a, b, c]" + options + "}");
    t->fit(numbers(values), range(50));
    // What gives no loss is what predicts the target: the loss of the exact answer is 0, and its prediction the target.
    const at::Tensor output = torch::zeros({50, 3}, torch::kDouble).set_requires_grad(true);
    t->loss(output, values, {}).backward();
    const at::Tensor answer = -output.grad() * 150 / 2;  // gradient of the mean of (o − z)² at o = 0 is −2 z / 150
    EXPECT_TRUE(torch::allclose(t->predict(answer), values.to(torch::kDouble), 1e-12, 1e-9)) << options;
    EXPECT_LT(t->loss(answer, values, {}).item<double>(), 1e-28 * answer.square().mean().item<double>()) << options;
  }
}

TEST(RegressionTask, ConstantTargetsAreShiftedOnly) {
  const auto t = task("{type: regression, target: a}");
  t->fit(numbers(torch::full({7, 1}, 0.1F)), range(7));
  const double tenth = static_cast<double>(0.1F);
  EXPECT_EQ(t->predict(torch::zeros({1, 1})).item<double>(), tenth);
  EXPECT_DOUBLE_EQ(t->predict(torch::ones({1, 1})).item<double>(), tenth + 1);
}

TEST(RegressionTask, LearnsTheLogarithm) {
  const at::Tensor values = doubles({std::exp(1.0), std::exp(3.0)}).view({2, 1});
  const auto t = task("{type: regression, target: a, log: true, metrics: [mae]}");
  t->fit(numbers(values), {0, 1});
  EXPECT_NEAR(t->predict(doubles({-1, 1, 0}).view({3, 1}))[2][0].item<double>(), std::exp(2.0), 1e-5);
  EXPECT_NEAR(t->predict(doubles({1}).view({1, 1})).item<double>(), std::exp(3.0), 1e-5);
  EXPECT_NEAR(t->loss(doubles({-1, 1}).view({2, 1}), values, {}).item<double>(), 0, 1e-12);
  // Unlabelled fillers of 0 have no finite logarithm, and no influence.
  const at::Tensor output = doubles({0, 0}).view({2, 1}).set_requires_grad(true);
  const at::Tensor loss = t->loss(output, doubles({std::exp(1.0), 0}).view({2, 1}), bools({1, 0}).view({2, 1}));
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), 1, 1e-6);
  EXPECT_EQ(output.grad()[1].item<double>(), 0);
  const auto metrics = t->make_metrics();
  metrics->update(doubles({0}).view({1, 1}), doubles({10}).view({1, 1}), {});
  EXPECT_NEAR(figure(metrics->values(), "mae"), 10 - std::exp(2.0), 1e-5);
}

TEST(RegressionTask, LogWithoutStandardisation) {
  const auto t = task("{type: regression, target: a, log: true, standardise: false}");
  t->fit(numbers(doubles({2, 5}).view({2, 1})), {0, 1});
  EXPECT_DOUBLE_EQ(t->predict(doubles({std::log(4.0)}).view({1, 1})).item<double>(), 4);
}

TEST(RegressionTask, MetricsAreInRealUnits) {
  const at::Tensor values = doubles({10, 1, 20, 2, 30, 3}).view({3, 2});
  const auto t = task("{type: regression, targets: [width, height], units: [mm, m], metrics: [mae, r2]}");
  t->fit(numbers(values), {0, 1, 2});
  const auto metrics = t->make_metrics();
  metrics->update(torch::zeros({3, 2}), values.to(torch::kFloat), {});  // predicts the means, 20 and 2
  const auto figures = metrics->values();
  ASSERT_EQ(figures.size(), 5U);  // no mean of millimetres and metres
  EXPECT_EQ(figures[0].name, "mae/width");
  EXPECT_NEAR(figures[0].value, 20.0 / 3, 1e-6);
  EXPECT_EQ(figures[0].unit, "mm");
  EXPECT_EQ(figures[0].direction, Direction::lower_is_better);
  EXPECT_NEAR(figure(figures, "mae/height"), 2.0 / 3, 1e-6);
  EXPECT_EQ(figures[1].unit, "m");
  EXPECT_NEAR(figure(figures, "r2"), 0, 1e-9);
  EXPECT_NEAR(figure(figures, "r2/height"), 0, 1e-9);
  EXPECT_EQ(figures[2].unit, "");
  EXPECT_THAT(t->prediction_names(), ElementsAre("width [mm]", "height [m]"));
}

TEST(RegressionTask, SameUnitsHaveAMean) {
  const auto t = task("{type: regression, targets: [a, b], unit: mm, standardise: false, metrics: [mae]}");
  t->fit(numbers(torch::rand({4, 2})), range(4));
  const auto metrics = t->make_metrics();
  metrics->update(doubles({1, 3}).view({1, 2}), torch::zeros({1, 2}), {});
  EXPECT_EQ(metrics->values()[0].name, "mae");
  EXPECT_EQ(metrics->values()[0].value, 2);
  EXPECT_EQ(metrics->values()[0].unit, "mm");
  EXPECT_EQ(metrics->values()[2].unit, "mm");
  metrics->update(doubles({5, 100}).view({1, 2}), torch::zeros({1, 2}), bools({1, 0}).view({1, 2}));
  EXPECT_EQ(figure(metrics->values(), "mae/a"), 3);
  EXPECT_EQ(figure(metrics->values(), "mae/b"), 3);
}

TEST(RegressionTask, UnitsComeFromTheDataUnlessGiven) {
  Targets targets = numbers(torch::rand({4, 1}));
  targets.units = {"px"};
  const auto from_data = task("{type: regression, target: a}");
  from_data->fit(targets, range(4));
  EXPECT_THAT(from_data->prediction_names(), ElementsAre("a [px]"));
  const auto given = task("{type: regression, target: a, unit: mm}");
  given->fit(targets, range(4));
  EXPECT_THAT(given->prediction_names(), ElementsAre("a [mm]"));
  targets.units.clear();
  const auto none = task("{type: regression, target: a}");
  none->fit(targets, range(4));
  EXPECT_THAT(none->prediction_names(), ElementsAre("a"));
}

TEST(RegressionTask, GaussianLikelihoodPredictsTheMean) {
  const auto t = task("{type: regression, targets: [a, b], standardise: false, loss: nll_gaussian}");
  t->fit(numbers(torch::rand({4, 2})), range(4));
  EXPECT_EQ(t->outputs(), 4);
  const at::Tensor output = doubles({1, 2, 0.5, -0.5}).view({1, 4});
  EXPECT_TRUE(t->predict(output).equal(doubles({1, 2}).view({1, 2})));
  const double expected = 0.25 * ((0.5 + 1 * std::exp(-0.5)) + (-0.5 + 4 * std::exp(0.5)));
  EXPECT_NEAR(t->loss(output, torch::zeros({1, 2}), {}).item<double>(), expected, 1e-12);
  const auto metrics = t->make_metrics();
  metrics->update(output, torch::zeros({1, 2}), {});
  EXPECT_EQ(figure(metrics->values(), "mae/b"), 2);
}

TEST(RegressionTask, StateRoundTripsExactlyThroughJson) {
  torch::manual_seed(2);
  Targets targets = numbers(torch::rand({20, 2}) * 1e-6 + torch::tensor({1.F, 1e5F}));
  targets.units = {"m", ""};
  const auto t = task("{type: regression, targets: [a, b], log: true}");
  t->fit(targets, range(20));
  const auto loaded = task("{type: regression, targets: [a, b], log: true}");
  loaded->load_state(parse_json(write_json(t->state()), "state"));
  const at::Tensor output = torch::randn({5, 2}, torch::kDouble);
  EXPECT_TRUE(loaded->predict(output).equal(t->predict(output)));
  EXPECT_EQ(loaded->prediction_names(), t->prediction_names());
  EXPECT_EQ(write_json(loaded->state()), write_json(t->state()));
}

TEST(RegressionTask, PredictionCanBeTraced) {
  const auto t = task("{type: regression, target: a, log: true}");
  t->fit(numbers(doubles({1, 2, 7}).view({3, 1})), range(3));
  const auto traced = torch::jit::tracer::trace(
      {torch::zeros({2, 1})},
      [&](torch::jit::Stack inputs) { return torch::jit::Stack{t->predict(inputs[0].toTensor())}; },
      [](const at::Tensor&) { return std::string(); });
  torch::jit::GraphExecutor executor(traced.first->graph, "predict");
  torch::jit::Stack stack = {torch::tensor({{0.5F}, {-1.F}, {2.F}})};
  executor.run(stack);
  EXPECT_TRUE(stack.back().toTensor().equal(t->predict(torch::tensor({{0.5F}, {-1.F}, {2.F}}))));
}

TEST(RegressionTask, Errors) {
  const auto error = [](const std::string& yaml) { return error_of([&] { task(yaml); }); };
  EXPECT_THAT(error("{type: regression}"), HasSubstr("no target given"));
  EXPECT_THAT(error("{type: regression, targets: [a, b], units: [m, m, m]}"), HasSubstr("3 units for 2 targets"));
  EXPECT_THAT(error("{type: regression, target: a, unit: m, units: [m]}"),
              HasSubstr("\"unit\" and \"units\" are both given"));
  EXPECT_THAT(error("{type: regression, target: a, loss: {type: nll_gaussian, log_variance_range: [1]}}"),
              HasSubstr("task \"t\": nll_gaussian: log_variance_range"));
  EXPECT_THAT(error("{type: regression, target: a, metrics: [rsme]}"), HasSubstr("did you mean \"rmse\"?"));
  EXPECT_THAT(error("{type: regression, target: a, standardize: false}"), HasSubstr("did you mean \"standardise\"?"));
}

TEST(RegressionTask, FitAndStateErrors) {
  const auto fit = [](const std::string& yaml, const Targets& targets) {
    return error_of([&] { task(yaml)->fit(targets, {0, 1}); });
  };
  const at::Tensor values = doubles({1, 2, 3, -0.5, 0, 0}).view({3, 2});
  EXPECT_THAT(fit("{type: regression, targets: [a, b], log: true}", numbers(values)),
              HasSubstr("\"b\" is -0.5 in row 1 (counted from 0); log: true needs finite values above 0"));
  EXPECT_THAT(fit("{type: regression, target: a}", numbers(doubles({1, std::nan("")}).view({2, 1}))),
              HasSubstr("\"a\" is .nan in row 1"));
  EXPECT_THAT(fit("{type: regression, targets: [a, b]}", numbers(values, bools({1, 0, 1, 0, 1, 1}).view({3, 2}))),
              HasSubstr("none of the 2 training samples has a label in \"b\""));
  const auto t = task("{type: regression, target: a}");
  EXPECT_THAT(error_of([&] { t->load_state(section("{mean: [1], units: [m]}")); }), HasSubstr("has no list \"std\""));
  EXPECT_THAT(error_of([&] { t->load_state(section("{mean: [1, 2], std: [1], units: [m]}")); }),
              HasSubstr("2 means, 1 standard deviations and 1 units for 1 targets"));
  EXPECT_THAT(error_of([&] { t->load_state(section("{mean: [1], std: [0], units: [m]}")); }),
              HasSubstr("task \"t\": a target's standard deviation is 0"));
  EXPECT_THAT(error_of([&] { t->load_state(section("{mean: [.nan], std: [1], units: [m]}")); }),
              HasSubstr("mean is .nan"));
}

TEST(TaskTypes, AreListedWithTheirOptions) {
  EXPECT_THAT(task_types().names(),
              ElementsAre("classification", "binary", "multilabel", "regression", "segmentation", "dense_regression"));
  for (const auto& info : task_types().infos()) {
    EXPECT_FALSE(info.summary.empty());
    bool has_loss = false;
    for (const auto& option : info.options()) has_loss = has_loss || option.name == "loss";
    EXPECT_TRUE(has_loss) << info.name;
  }
  EXPECT_THAT(classification_losses().names(), ElementsAre("cross_entropy", "focal"));
  EXPECT_THAT(binary_losses().names(), ElementsAre("bce"));
  EXPECT_THAT(regression_losses().names(), ElementsAre("mse", "l1", "huber", "smooth_l1", "nll_gaussian"));
}

}  // namespace
}  // namespace polytask
