#include <polytask/objectives/delta_m.h>
#include <polytask/objectives/direction.h>
#include <polytask/objectives/metric.h>

#include <gmock/gmock.h>
#include <objectives/support.h>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::unique_ptr<Metric> regression(const std::string& yaml) {
  return dense_regression_metrics().create(section(yaml), 1);
}
std::unique_ptr<Metric> segmentation(const std::string& yaml, int64_t classes) {
  return segmentation_metrics().create(section(yaml), classes);
}

MetricInput predicted(const std::vector<int64_t>& said, const std::vector<int64_t>& truth, int64_t classes) {
  return {torch::one_hot(longs(said), classes).to(torch::kFloat), longs(truth)};
}

// In two pieces, so that sums must be carried over.
double value_of(Metric& metric, const MetricInput& input) {
  metric.reset();
  const int64_t n = input.target.size(0), cut = n / 3;
  metric.update({input.prediction.slice(0, 0, cut), input.target.slice(0, 0, cut)});
  metric.update({input.prediction.slice(0, cut), input.target.slice(0, cut)});
  return metric.value();
}

TEST(SegmentationMetrics, AgreeWithHandNumbers) {
  EXPECT_THAT(segmentation_metrics().names(), ElementsAre("miou", "pixel_accuracy"));
  // Class 0: true 3, predicted 2, both 2; class 1: true 2, predicted 3, both 1; class 2: true 1, predicted 1, both 0.
  const MetricInput input = predicted({0, 0, 1, 1, 2, 1}, {0, 0, 0, 1, 1, 2}, 3);
  EXPECT_NEAR(value_of(*segmentation("{type: miou}", 3), input), (2.0 / 3 + 1.0 / 4 + 0) / 3, 1e-12);
  EXPECT_NEAR(value_of(*segmentation("{type: pixel_accuracy}", 3), input), 0.5, 1e-12);
  EXPECT_EQ(segmentation("{type: pixel_accuracy}", 3)->name(), "pixel_accuracy");
  EXPECT_EQ(segmentation("{type: miou}", 3)->direction(), Direction::higher_is_better);
}

TEST(SegmentationMetrics, AbsentClassesAreLeftOut) {
  ConfusionMatrix confusion(4);
  const MetricInput input = predicted({0, 3, 0}, {0, 0, 0}, 4);  // 3 is predicted but never true, 1 and 2 do not occur
  confusion.update(input);
  const at::Tensor iou = class_iou(confusion);
  EXPECT_NEAR(iou[0].item<double>(), 2.0 / 3, 1e-12);
  EXPECT_TRUE(std::isnan(iou[1].item<double>()) && std::isnan(iou[2].item<double>()));
  EXPECT_EQ(iou[3].item<double>(), 0);
  EXPECT_NEAR(value_of(*segmentation("{type: miou}", 4), input), 1.0 / 3, 1e-12);
  const auto empty = segmentation("{type: miou}", 4);
  EXPECT_TRUE(std::isnan(empty->value()));
}

TEST(SegmentationMetrics, PixelsWithoutAnAnswerAreMisses) {
  MetricInput input = predicted({0, 0, 1, 1}, {0, 0, 1, 0}, 2);
  input.prediction[0].fill_(std::nan(""));
  ConfusionMatrix confusion(2);
  confusion.update(input);
  EXPECT_TRUE(confusion.counts().equal(longs({1, 1, 0, 1}).view({2, 2})));
  EXPECT_TRUE(confusion.unanswered().equal(longs({1, 0})));
  // Class 0: true 3, one of them predicted; class 1: true 1, predicted 2.
  EXPECT_NEAR(value_of(*segmentation("{type: miou}", 2), input), (1.0 / 3 + 1.0 / 2) / 2, 1e-12);
  EXPECT_NEAR(value_of(*segmentation("{type: pixel_accuracy}", 2), input), 0.5, 1e-12);
  confusion.reset();
  EXPECT_EQ(confusion.unanswered().sum().item<int64_t>(), 0);
}

TEST(DenseRegressionMetrics, AgreeWithHandNumbers) {
  EXPECT_THAT(dense_regression_metrics().names(), ElementsAre("mae", "rmse", "bias", "r2", "abs_rel", "delta"));
  const MetricInput input = {doubles({1.5, 1, 5, 8}), doubles({1, 2, 4, 8})};
  EXPECT_NEAR(value_of(*regression("{type: bias}"), input), 0.125, 1e-12);
  EXPECT_NEAR(value_of(*regression("{type: mae}"), input), 0.625, 1e-12);
  EXPECT_NEAR(value_of(*regression("{type: abs_rel}"), input), (0.5 + 0.5 + 0.25 + 0) / 4, 1e-12);
  // Ratios 1.5, 2, 1.25, 1: 1.25 is not below 1.25; 1.5 is below 1.5625; 2 is above 1.953125.
  EXPECT_EQ(value_of(*regression("{type: delta}"), input), 0.25);
  EXPECT_EQ(value_of(*regression("{type: delta, n: 2}"), input), 0.75);
  EXPECT_EQ(value_of(*regression("{type: delta, n: 3}"), input), 0.75);
  EXPECT_EQ(value_of(*regression("{type: delta, n: 4}"), input), 1);
  EXPECT_EQ(regression("{type: delta, n: 2}")->name(), "delta_2");
  EXPECT_THAT(error_of([] { regression("{type: delta, n: 0}"); }), HasSubstr("≥ 1"));
}

TEST(DenseRegressionMetrics, LeaveOutWhatHasNoRatio) {
  const MetricInput input = {doubles({3, -1, 2, 0}), doubles({0, 2, 2, 1})};
  EXPECT_NEAR(value_of(*regression("{type: abs_rel}"), input), (1.5 + 0 + 1) / 3, 1e-12);
  EXPECT_NEAR(value_of(*regression("{type: delta}"), input), 1.0 / 3, 1e-12);
  // Both ratios of −1 and 2 are negative, and so below 1.25; it is no hit.
  EXPECT_EQ(value_of(*regression("{type: delta, n: 9}"), {doubles({-1}), doubles({2})}), 0);
  for (const char* yaml : {"{type: abs_rel}", "{type: delta}", "{type: bias}"})
    EXPECT_TRUE(std::isnan(regression(yaml)->value())) << yaml;
  EXPECT_TRUE(std::isnan(value_of(*regression("{type: delta}"), {doubles({1, 1}), doubles({0, -2})})));
}

TEST(DenseRegressionMetrics, BiasIsBetterNearer0) {
  const auto bias = regression("{type: bias}");
  EXPECT_EQ(bias->direction(), Direction::nearer_0_is_better);
  EXPECT_TRUE(bias->in_target_units());
  const auto gain = [](double result, double baseline) {
    return delta_m({{"t", {{"bias", result, Direction::nearer_0_is_better, "m"}}}},
                   {{"t", {{"bias", baseline, Direction::nearer_0_is_better, "m"}}}})
        .mean;
  };
  EXPECT_DOUBLE_EQ(gain(-1, 2), 50);
  EXPECT_DOUBLE_EQ(gain(-3, -2), -50);
  EXPECT_DOUBLE_EQ(gain(-3, 2), -50);
}

TEST(Directions, HaveNames) {
  for (const Direction direction :
       {Direction::higher_is_better, Direction::lower_is_better, Direction::nearer_0_is_better})
    EXPECT_EQ(direction_named(direction_name(direction)), direction);
  EXPECT_EQ(judged_value(-2, Direction::nearer_0_is_better), 2);
  EXPECT_EQ(judged_value(-2, Direction::lower_is_better), -2);
}

}  // namespace
}  // namespace polytask
