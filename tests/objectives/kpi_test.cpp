#include <gmock/gmock.h>
#include <objectives/support.h>

namespace polytask {
namespace {

using testing::HasSubstr;

std::unique_ptr<TaskType> task(const std::string& yaml) { return create_task("t", section(yaml)); }

std::unique_ptr<TaskType> fitted(const std::string& yaml, const at::Tensor& values) {
  auto result = task(yaml);
  Targets targets;
  targets.values = values;
  result->fit(targets, range(values.size(0)));
  return result;
}

TEST(Kpi, OfClassificationIsTheAccuracyOverLabelledSamples) {
  const auto t = fitted("{type: classification, target: x}", longs({0, 1, 2}));
  const at::Tensor output = doubles({5, 1, 0, 0, 1, 9, 0, 2, 1, 3, 0, 1}).view({4, 3});  // 0, 2, 1, 0
  EXPECT_EQ(t->kpi(output, longs({0, 2, 0, 1}), {}), 0.5);
  EXPECT_EQ(t->kpi(output, longs({0, 2, 0, 1}), bools({1, 1, 1, 0})), 2.0 / 3);
  EXPECT_EQ(t->kpi(output, longs({0, 2, 0, 1}), bools({0, 0, 0, 1})), 0);
  EXPECT_EQ(t->kpi(output, longs({0, 2, 1, 0}), {}), 1);
  EXPECT_EQ(t->kpi(output, longs({0, 2, 1, 0}), bools({0, 0, 0, 0})), 0);
}

TEST(Kpi, OutputsThatAreNotFiniteAreMisses) {
  const auto classes = fitted("{type: classification, target: x}", longs({0, 1, 2}));
  EXPECT_EQ(classes->kpi(torch::full({2, 3}, std::nan("")), longs({0, 0}), {}), 0);
  const auto binary = task("{type: binary, target: x}");
  EXPECT_EQ(binary->kpi(torch::full({2, 1}, std::nan("")), torch::zeros({2, 1}), {}), 0);
}

TEST(Kpi, OfBinaryIsTheShareOnTheRightSide) {
  const auto t = task("{type: binary, target: x}");
  const at::Tensor output = torch::tensor({{2.F}, {-1.F}, {0.F}, {-3.F}});
  EXPECT_EQ(t->kpi(output, doubles({1, 0, 1, 1}).view({4, 1}), {}), 0.75);  // 0 is probability 0.5: yes
  EXPECT_EQ(t->kpi(output, doubles({0, 1, 0, 0}).view({4, 1}), {}), 0.25);
  EXPECT_EQ(t->kpi(output, doubles({1, 0, 1, 1}).view({4, 1}), bools({0, 0, 1, 1}).view({4, 1})), 0.5);
}

TEST(Kpi, OfMultilabelIsTheShareOfLabelsOnTheRightSide) {
  const auto t = task("{type: multilabel, targets: [a, b, c]}");
  const at::Tensor output = torch::tensor({{1.F, -1.F, 2.F}, {-1.F, -1.F, 2.F}});
  const at::Tensor target = torch::tensor({{1.F, 0.F, 0.F}, {0.F, 1.F, 1.F}});
  EXPECT_EQ(t->kpi(output, target, {}), 4.0 / 6);
  EXPECT_EQ(t->kpi(output, target, bools({1, 1, 0, 1, 0, 1}).view({2, 3})), 1);
  EXPECT_EQ(t->kpi(output, target, bools({0, 0, 1, 0, 1, 0}).view({2, 3})), 0);
  EXPECT_EQ(t->kpi(output, target, bools({1, 0, 1, 0, 0, 0}).view({2, 3})), 0.5);
}

TEST(Kpi, OfRegressionIsOneLessTheErrorInStandardDeviations) {
  // Standard deviations 2 and 10.
  const at::Tensor values = doubles({1, 0, 5, 20}).view({2, 2});
  const auto t = fitted("{type: regression, targets: [a, b]}", values);
  const at::Tensor mean = torch::zeros({2, 2}, torch::kDouble);  // the answer is 3 and 10 throughout
  EXPECT_NEAR(t->kpi(mean, values, {}), 0, 1e-12);
  EXPECT_NEAR(t->kpi(mean, doubles({4, 10, 3, 16}).view({2, 2}), {}), 1 - std::sqrt((0.25 + 0.36) / 4), 1e-12);
  EXPECT_EQ(t->kpi(mean, doubles({3, 10, 3, 10}).view({2, 2}), {}), 1);
  EXPECT_EQ(t->kpi(mean, doubles({3, 10, 3, 1e9}).view({2, 2}), {}), 0);  // not below
  EXPECT_EQ(t->kpi(mean, doubles({3, 10, 3, 1e9}).view({2, 2}), bools({1, 1, 1, 0}).view({2, 2})), 1);
  EXPECT_EQ(t->kpi(mean, values, bools({0, 0, 0, 0}).view({2, 2})), 0);
  EXPECT_EQ(t->kpi(mean * std::nan(""), values, {}), 0);
}

TEST(Kpi, OfRegressionIsInTheUnitsThatTheHeadLearns) {
  const at::Tensor values = doubles({1, 5}).view({2, 1});
  const auto plain = fitted("{type: regression, target: a, standardise: false}", values);
  EXPECT_NEAR(plain->kpi(values + 0.25, values, {}), 0.75, 1e-12);
  const auto logarithm = fitted("{type: regression, target: a, standardise: false, log: true}", values);
  EXPECT_NEAR(logarithm->kpi(values.log() - 0.5, values, {}), 0.5, 1e-12);
  const at::Tensor unlabelled = doubles({1, -1}).view({2, 1});
  EXPECT_NEAR(logarithm->kpi(values.log() - 0.5, unlabelled, bools({1, 0}).view({2, 1})), 0.5, 1e-12);
  const auto gaussian = fitted("{type: regression, target: a, standardise: false, loss: nll_gaussian}", values);
  const at::Tensor output = doubles({1.5, 100, 5.5, -100}).view({2, 2});  // means, and logarithms of variances
  EXPECT_NEAR(gaussian->kpi(output, values, {}), 0.5, 1e-12);
}

TEST(Kpi, TakesHalfPrecisionAndLeavesNoGradient) {
  const auto t = task("{type: binary, target: x}");
  const at::Tensor output = torch::tensor({{2.F}, {-1.F}}).to(torch::kHalf).set_requires_grad(true);
  EXPECT_EQ(t->kpi(output, torch::tensor({{1.F}, {1.F}}), {}), 0.5);
  EXPECT_FALSE(output.grad().defined());
  EXPECT_TRUE(at::GradMode::is_enabled());
  const auto r = fitted("{type: regression, target: a, standardise: false}", doubles({1, 5}).view({2, 1}));
  EXPECT_NEAR(r->kpi(torch::tensor({{1.F}, {4.5F}}).to(torch::kHalf), torch::tensor({{1.F}, {5.F}}), {}),
              1 - std::sqrt(0.125), 1e-12);
}

TEST(Kpi, RefusesOtherShapes) {
  const auto t = task("{type: binary, target: x}");
  EXPECT_THAT(error_of([&] { t->kpi(torch::zeros({2, 1}), torch::zeros({3, 1}), {}); }), HasSubstr("shape"));
}

}  // namespace
}  // namespace polytask
