#include <polytask/data/dense_labels.h>
#include <polytask/objectives/task_type.h>

#include <gmock/gmock.h>
#include <objectives/support.h>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const double kNone = std::nan("");

// Rows of 1 × 4 pixels with a cover class and a height.
class LayerSource : public Source {
 public:
  at::Tensor cover = doubles({0, 1, 1, kNone, 2, 2, 0, 0}).view({2, 1, 4}).to(at::kFloat);
  at::Tensor height = doubles({1, 2, 3, kNone, 6, 8, kNone, kNone}).view({2, 1, 4}).to(at::kFloat);

  int64_t size() const override { return cover.size(0); }
  std::vector<std::string> column_names() const override { return {}; }
  Column column(const std::string&) const override { throw InputError("no column"); }
  std::vector<InputSpec> inputs() const override { return {}; }
  at::Tensor read(int64_t, c10::ArrayRef<int64_t>) const override { return {}; }
  std::vector<Preprocess> fit(const std::vector<int64_t>&) override { return {}; }
  std::string row_name(int64_t row) const override { return "row " + std::to_string(row); }
  std::vector<LayerSpec> layers() const override {
    return {{"cover", {"water", "wood", "field"}, ""}, {"height", {}, "m"}};
  }
  at::Tensor read_layer(int64_t layer, c10::ArrayRef<int64_t> rows) const override {
    return (layer == 0 ? cover : height).index_select(0, at::tensor(rows, at::kLong));
  }
};

std::unique_ptr<TaskType> fitted(const LayerSource& source, const std::string& yaml,
                                 std::vector<int64_t> rows = {0, 1}) {
  auto task = create_task("t", resolve_task_section(section(yaml)));
  task->fit(encode_targets(source, task->target_request()), rows);
  return task;
}

double value_of(const std::vector<MetricValue>& values, const std::string& name) {
  for (const auto& value : values)
    if (value.name == name) return value.value;
  ADD_FAILURE() << "no metric " << name;
  return 0;
}

TEST(SegmentationTaskTest, LearnsTheClassesOfItsLayer) {
  const LayerSource source;
  const auto task = fitted(source, "{type: segmentation, target: cover}");
  EXPECT_TRUE(task->is_dense());
  EXPECT_EQ(task->outputs(), 3);
  EXPECT_THAT(task->class_names(), ElementsAre("water", "wood", "field"));
  const at::Tensor logits = at::zeros({2, 3, 1, 4});
  const at::Tensor target = longs({0, 1, 1, 0, 2, 2, 0, 0}).view({2, 1, 4});
  const at::Tensor valid = bools({1, 1, 1, 0, 1, 1, 1, 1}).view({2, 1, 4});
  EXPECT_NEAR(task->loss(logits, target, valid).item<double>(), std::log(3.0), 1e-6);
  EXPECT_NEAR(task->predict(logits).sum(1).min().item<double>(), 1, 1e-6);
  EXPECT_NEAR(task->kpi(logits, target, valid), 3.0 / 7, 1e-6);  // zeros are answered as class 0
}

TEST(SegmentationTaskTest, MetricsCountPixelsOfAllBatches) {
  const LayerSource source;
  const auto task = fitted(source, "{type: segmentation, target: cover}");
  const auto metrics = task->make_metrics();
  // Predicted: water wood wood water | field water water water.
  const auto logits = [](const std::vector<int64_t>& classes) {
    return (torch::one_hot(longs(classes), 3).to(at::kFloat) * 9).t().reshape({1, 3, 1, 4});
  };
  metrics->update(logits({0, 1, 1, 0}), longs({0, 1, 1, 0}).view({1, 1, 4}), bools({1, 1, 1, 0}).view({1, 1, 4}));
  metrics->update(logits({2, 0, 0, 0}), longs({2, 2, 0, 0}).view({1, 1, 4}), {});
  const auto values = metrics->values();
  EXPECT_NEAR(value_of(values, "pixel_accuracy"), 6.0 / 7, 1e-9);
  EXPECT_NEAR(value_of(values, "iou/water"), 3.0 / 4, 1e-9);
  EXPECT_NEAR(value_of(values, "iou/wood"), 1, 1e-9);
  EXPECT_NEAR(value_of(values, "iou/field"), 0.5, 1e-9);
  EXPECT_NEAR(value_of(values, "miou"), 0.75, 1e-9);
  EXPECT_EQ(metrics->confusion()[2][0].item<int64_t>(), 1);
}

TEST(SegmentationTaskTest, StateHoldsClassesAndBalancedWeights) {
  const LayerSource source;
  const std::string yaml = "{type: segmentation, target: cover, loss: {type: cross_entropy, class_weights: balanced}}";
  const auto task = fitted(source, yaml);
  auto again = create_task("t", resolve_task_section(section(yaml)));
  again->load_state(task->state());
  const at::Tensor logits = at::arange(24, at::kFloat).view({2, 3, 1, 4}).sin();
  const at::Tensor target = longs({0, 1, 1, 0, 2, 2, 0, 0}).view({2, 1, 4});
  EXPECT_EQ(task->loss(logits, target, {}).item<float>(), again->loss(logits, target, {}).item<float>());
  const auto plain = fitted(source, "{type: segmentation, target: cover}");
  EXPECT_NE(task->loss(logits, target, {}).item<float>(), plain->loss(logits, target, {}).item<float>());
}

TEST(SegmentationTaskTest, RefusesVectorsAndOtherSizes) {
  const LayerSource source;
  const auto task = fitted(source, "{type: segmentation, target: cover}");
  const at::Tensor target = at::zeros({2, 1, 4}, at::kLong);
  EXPECT_THAT(error_of([&] { task->loss(at::zeros({2, 3}), target, {}); }), HasSubstr("a head such as unet_decoder"));
  EXPECT_THAT(error_of([&] { task->loss(at::zeros({2, 3, 1, 5}), target, {}); }), HasSubstr("[2, 3, 1, 5]"));
}

TEST(SegmentationTaskTest, RefusesClassesThatContradictEachOther) {
  const auto error = [](const std::string& options) {
    return error_of([&] {
      create_task("t", resolve_task_section(section("{type: segmentation, target: cover, " + options + "}")));
    });
  };
  EXPECT_THAT(error("classes: 9, class_names: [wood, field]"), HasSubstr("classes is 9, but 2 class_names are given"));
  EXPECT_THAT(error("class_names: [wood, wood]"), HasSubstr("the class \"wood\" is named twice"));
  EXPECT_THAT(error("class_names: [wood]"), HasSubstr("only one class is named"));
  EXPECT_THAT(error("classes: 1"), HasSubstr("classes is 1"));
}

TEST(SegmentationTaskTest, RefusesAStateOfOtherClasses) {
  const LayerSource source;
  const Node state = fitted(source, "{type: segmentation, target: cover}")->state();
  const auto error = [&](const std::string& options) {
    return error_of([&] {
      create_task("t", resolve_task_section(section("{type: segmentation, target: cover, " + options + "}")))
          ->load_state(state);
    });
  };
  EXPECT_THAT(error("classes: 4"), HasSubstr("has 3 classes, its section 4"));
  EXPECT_THAT(error("class_names: [wood, water, field]"),
              HasSubstr("has the classes water, wood, field, its section wood, water, field"));
}

TEST(SegmentationTaskTest, OutputsThatAreNotFiniteAreMisses) {
  const LayerSource source;
  const auto task = fitted(source, "{type: segmentation, target: cover}");
  const at::Tensor logits = at::full({1, 3, 1, 4}, kNone), target = longs({0, 0, 1, 2}).view({1, 1, 4});
  EXPECT_EQ(task->kpi(logits, target, {}), 0);
  const auto metrics = task->make_metrics();
  metrics->update(logits, target, {});
  for (const char* name : {"pixel_accuracy", "miou", "iou/water", "iou/wood", "iou/field"})
    EXPECT_EQ(value_of(metrics->values(), name), 0) << name;
  EXPECT_EQ(metrics->confusion().sum().item<int64_t>(), 0);
}

TEST(DenseRegressionTaskTest, ScalesByTheTrainingLabels) {
  const LayerSource source;
  const auto task = fitted(source, "{type: dense_regression, target: height}");
  const double deviation = std::sqrt((9 + 4 + 1 + 4 + 16) / 5.0);  // of 1, 2, 3, 6, 8 about 4
  EXPECT_EQ(task->unit(), "m");
  EXPECT_THAT(task->prediction_names(), ElementsAre("height [m]"));
  const at::Tensor output = doubles({-2, 0, 1, 5}).view({1, 1, 1, 4});
  const at::Tensor expected = torch::softplus(output) * deviation;
  EXPECT_TRUE(task->predict(output).allclose(expected, 1e-9));
  const at::Tensor target = doubles({1, 2, 3, 100}).view({1, 1, 1, 4}), valid = bools({1, 1, 1, 0}).view({1, 1, 1, 4});
  const double l1 = (expected - target).abs().narrow(3, 0, 3).mean().item<double>() / deviation;
  EXPECT_NEAR(task->loss(output, target, valid).item<double>(), l1, 1e-9);
  EXPECT_GE(task->predict(at::full({1, 1, 1, 1}, -1e4)).item<float>(), 0);
}

TEST(DenseRegressionTaskTest, LinearOutputTakesOffTheMean) {
  const LayerSource source;
  const auto task = fitted(source, "{type: dense_regression, target: height, output: linear, unit: cm}");
  EXPECT_NEAR(task->predict(at::zeros({1, 1, 1, 1})).item<double>(), 4, 1e-6);
  EXPECT_EQ(task->unit(), "cm");
  const at::Tensor target = doubles({1, 2, 3, 6, 8}).view({1, 1, 1, 5});
  EXPECT_NEAR(task->kpi(at::zeros({1, 1, 1, 5}), target, {}), 0, 1e-6);
}

TEST(DenseRegressionTaskTest, RefusesLossesThatLeaveOutLabelsBelowTheMean) {
  const LayerSource source;
  const auto yaml = [](const std::string& options) {
    return "{type: dense_regression, target: height, " + options + "}";
  };
  for (const char* loss : {"loss: silog", "loss: {type: sum, losses: [l1, silog]}"}) {
    EXPECT_THAT(error_of([&] { fitted(source, yaml(std::string("output: linear, ") + loss)); }),
                HasSubstr("say output: softplus or exp, or standardise: false"))
        << loss;
    for (const char* options : {"output: linear, standardise: false, ", "output: softplus, ", "output: exp, "})
      EXPECT_EQ(fitted(source, yaml(std::string(options) + loss))->outputs(), 1) << options << loss;
  }
}

TEST(DenseRegressionTaskTest, MetricsAreInRealUnits) {
  const LayerSource source;
  const auto task = fitted(source, "{type: dense_regression, target: height, output: linear, standardise: false}");
  const auto metrics = task->make_metrics();
  metrics->update(doubles({2, 2, 9}).view({1, 1, 1, 3}), doubles({1, 3, 0}).view({1, 1, 1, 3}),
                  bools({1, 1, 0}).view({1, 1, 1, 3}));
  metrics->update(doubles({5}).view({1, 1, 1, 1}), doubles({1}).view({1, 1, 1, 1}), {});
  const auto values = metrics->values();
  EXPECT_NEAR(value_of(values, "mae"), 2, 1e-9);
  EXPECT_NEAR(value_of(values, "rmse"), std::sqrt(6.0), 1e-9);
  EXPECT_NEAR(value_of(values, "bias"), 4.0 / 3, 1e-9);
}

TEST(DenseRegressionTaskTest, StateRestoresScaleAndUnit) {
  const LayerSource source;
  const auto task = fitted(source, "{type: dense_regression, target: height}");
  auto again = create_task("t", resolve_task_section(section("{type: dense_regression, target: height}")));
  again->load_state(task->state());
  const at::Tensor output = doubles({-2, 0, 1, 5}).view({1, 1, 1, 4});
  EXPECT_TRUE(again->predict(output).equal(task->predict(output)));
  EXPECT_EQ(again->unit(), "m");
}

TEST(DenseRegressionTaskTest, RefusesNegativeLabelsAndNoLabels) {
  LayerSource source;
  source.height[0][0][0] = -9999;
  EXPECT_THAT(error_of([&] { fitted(source, "{type: dense_regression, target: height}"); }),
              HasSubstr("layer \"height\" goes down to -9999"));
  source.height.fill_(kNone);
  EXPECT_THAT(error_of([&] { fitted(source, "{type: dense_regression, target: height}"); }),
              HasSubstr("none of the pixels of 2 training samples has a label"));
}

}  // namespace
}  // namespace polytask
