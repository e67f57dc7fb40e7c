#include <polytask/core/random.h>
#include <polytask/objectives/metric.h>

#include <gmock/gmock.h>
#include <objectives/support.h>

#include <algorithm>

namespace polytask {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<Metric> make(const MetricRegistry& registry, const std::string& yaml, int64_t classes = 1) {
  return registry.create(section(yaml), classes);
}

// The value over all of `input`, fed in pieces of random size (some empty).
double streamed(Metric& metric, const MetricInput& input, uint64_t seed) {
  Random random(seed);
  metric.reset();
  const int64_t n = input.target.size(0);
  for (int64_t at = 0; at < n;) {
    const int64_t end = std::min(n, at + random.below(9));
    metric.update({input.prediction.slice(0, at, end), input.target.slice(0, at, end)});
    at = end;
  }
  return metric.value();
}

double whole(Metric& metric, const MetricInput& input) {
  metric.reset();
  metric.update(input);
  return metric.value();
}

// ---- classes

int64_t first_best(const at::Tensor& p, int64_t row) {
  int64_t best = 0;
  for (int64_t c = 1; c < p.size(1); ++c)
    if (at2(p, row, c) > at2(p, row, best)) best = c;
  return best;
}

// Probabilities on a coarse grid, so that ties are common.
MetricInput random_classes(int64_t n, int64_t classes, uint64_t seed) {
  torch::manual_seed(seed);
  return {(torch::rand({n, classes}) * 4).floor() / 4, torch::randint(classes, {n}, torch::kLong)};
}

TEST(ClassificationMetrics, AgreeWithCounting) {
  for (const uint64_t seed : {1, 2, 3}) {
    const int64_t n = 57, classes = 6;
    const MetricInput input = random_classes(n, classes, seed);
    double right = 0, in_three = 0;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t truth = input.target[i].item<int64_t>();
      right += first_best(input.prediction, i) == truth;
      std::vector<int64_t> order = range(classes);
      std::stable_sort(order.begin(), order.end(),
                       [&](int64_t a, int64_t b) { return at2(input.prediction, i, a) > at2(input.prediction, i, b); });
      in_three += std::find(order.begin(), order.begin() + 3, truth) != order.begin() + 3;
    }
    EXPECT_DOUBLE_EQ(whole(*make(classification_metrics(), "{type: accuracy}", classes), input), right / n);
    EXPECT_DOUBLE_EQ(whole(*make(classification_metrics(), "{type: top_k, k: 3}", classes), input), in_three / n);
    EXPECT_DOUBLE_EQ(whole(*make(classification_metrics(), "{type: top_k, k: 1}", classes), input), right / n);
    EXPECT_EQ(whole(*make(classification_metrics(), "{type: top_k, k: 6}", classes), input), 1);
  }
}

TEST(ClassificationMetrics, MacroF1LeavesOutAbsentClasses) {
  // Truths 0 0 1 1 3, predictions 0 1 1 1 0: F1 of class 0 is 2/4, of 1 is 4/5, of 3 is 0; classes 2 and 4 do not
  // occur.
  const at::Tensor predicted = longs({0, 1, 1, 1, 0});
  const at::Tensor p = torch::zeros({5, 5}).scatter_(1, predicted.unsqueeze(1), 1.0);
  const auto metric = make(classification_metrics(), "{type: macro_f1}", 5);
  EXPECT_DOUBLE_EQ(whole(*metric, {p, longs({0, 0, 1, 1, 3})}), (0.5 + 0.8 + 0) / 3);
}

TEST(ClassificationMetrics, MacroF1AgreesWithCounting) {
  for (const uint64_t seed : {4, 5}) {
    const int64_t n = 40, classes = 9;
    const MetricInput input = random_classes(n, classes, seed);
    double sum = 0, present = 0;
    for (int64_t c = 0; c < classes; ++c) {
      double tp = 0, truth = 0, predicted = 0;
      for (int64_t i = 0; i < n; ++i) {
        const bool is = input.target[i].item<int64_t>() == c, says = first_best(input.prediction, i) == c;
        tp += is && says;
        truth += is;
        predicted += says;
      }
      if (truth + predicted == 0) continue;
      const double precision = predicted > 0 ? tp / predicted : 0, recall = truth > 0 ? tp / truth : 0;
      sum += precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
      present += 1;
    }
    EXPECT_NEAR(whole(*make(classification_metrics(), "{type: macro_f1}", classes), input), sum / present, 1e-12);
  }
}

TEST(ClassificationMetrics, SamplesWithoutAnAnswerAreMisses) {
  at::Tensor p = torch::eye(3).index_select(0, longs({0, 0, 1, 2}));
  p[0].fill_(kNan);
  const MetricInput input = {p, longs({0, 0, 1, 2})};
  EXPECT_EQ(whole(*make(classification_metrics(), "{type: accuracy}", 3), input), 0.75);
  EXPECT_EQ(whole(*make(classification_metrics(), "{type: top_k, k: 3}", 3), input), 0.75);
  EXPECT_DOUBLE_EQ(whole(*make(classification_metrics(), "{type: macro_f1}", 3), input), (2.0 / 3 + 1 + 1) / 3);
  EXPECT_EQ(
      whole(*make(binary_metrics(), "{type: accuracy}"), {doubles({kNan, kNan, 0.2, 0.9}), doubles({0, 1, 0, 1})}),
      0.5);
}

TEST(ClassificationMetrics, StreamingEqualsWhole) {
  const MetricInput input = random_classes(101, 5, 6);
  for (const std::string yaml : {"{type: accuracy}", "{type: top_k, k: 2}", "{type: macro_f1}"}) {
    const auto metric = make(classification_metrics(), yaml, 5);
    EXPECT_TRUE(std::isnan(metric->value())) << yaml;
    const double expected = whole(*metric, input);
    EXPECT_EQ(streamed(*metric, input, 1), expected) << yaml;
    metric->reset();
    EXPECT_TRUE(std::isnan(metric->value())) << yaml;
  }
}

TEST(ClassificationMetrics, DescribeThemselves) {
  EXPECT_EQ(make(classification_metrics(), "{type: top_k, k: 3}", 5)->name(), "top_3");
  for (const std::string name : {"accuracy", "macro_f1"}) {
    const auto metric = make(classification_metrics(), "{type: " + name + "}", 5);
    EXPECT_EQ(metric->name(), name);
    EXPECT_EQ(metric->direction(), Direction::higher_is_better);
    EXPECT_FALSE(metric->in_target_units());
  }
}

TEST(ClassificationMetrics, Errors) {
  EXPECT_THAT(error_of([] { make(classification_metrics(), "{type: top_k, k: 6}", 5); }),
              HasSubstr("k is 6, but there are only 5 classes"));
  EXPECT_THAT(error_of([] { make(classification_metrics(), "{type: top_k, k: 0}", 5); }), HasSubstr("must be ≥ 1"));
  EXPECT_THAT(error_of([] { make(classification_metrics(), "{type: acuracy}", 5); }),
              HasSubstr("did you mean \"accuracy\"?"));
}

TEST(ConfusionMatrix, CountsTruthByPrediction) {
  ConfusionMatrix matrix(3);
  const at::Tensor p = torch::eye(3).index_select(0, longs({0, 1, 1, 2}));
  matrix.update({p, longs({0, 0, 0, 2})});
  matrix.update({p.slice(0, 0, 1), longs({2})});
  EXPECT_TRUE(matrix.counts().equal(longs({1, 2, 0, 0, 0, 0, 1, 0, 1}).view({3, 3})));
  matrix.reset();
  EXPECT_EQ(matrix.counts().sum().item<int64_t>(), 0);
}

// ---- binary

MetricInput random_labels(int64_t n, int64_t grid, uint64_t seed) {
  torch::manual_seed(seed);
  const at::Tensor scores = (torch::rand({n}) * grid).floor() / grid;
  return {scores, torch::rand({n}).lt(0.2 + 0.6 * scores).to(torch::kFloat)};
}

std::vector<double> list(const at::Tensor& t) {
  const at::Tensor d = t.to(torch::kDouble).contiguous();
  return {d.data_ptr<double>(), d.data_ptr<double>() + d.numel()};
}

double counted_auroc(const MetricInput& input) {
  const auto score = list(input.prediction), label = list(input.target);
  double wins = 0, pairs = 0;
  for (size_t i = 0; i < score.size(); ++i) {
    for (size_t j = 0; j < score.size(); ++j) {
      if (label[i] != 1 || label[j] != 0) continue;
      wins += score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0;
      pairs += 1;
    }
  }
  return wins / pairs;
}

// Σ (R_n − R_{n−1}) P_n over the distinct thresholds.
double counted_average_precision(const MetricInput& input) {
  const auto score = list(input.prediction), label = list(input.target);
  auto thresholds = score;
  std::sort(thresholds.rbegin(), thresholds.rend());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  double sum = 0, last_recall = 0, positives = 0;
  for (const double l : label) positives += l;
  for (const double t : thresholds) {
    double hits = 0, predicted = 0;
    for (size_t i = 0; i < score.size(); ++i) {
      predicted += score[i] >= t;
      hits += score[i] >= t && label[i] == 1;
    }
    sum += (hits / positives - last_recall) * hits / predicted;
    last_recall = hits / positives;
  }
  return sum;
}

TEST(BinaryMetrics, RankingAgreesWithCountingIncludingTies) {
  for (const int64_t grid : {3, 10, 1 << 20}) {
    for (const uint64_t seed : {1, 2, 3}) {
      const MetricInput input = random_labels(120, grid, seed);
      EXPECT_NEAR(whole(*make(binary_metrics(), "{type: auroc}"), input), counted_auroc(input), 1e-12);
      EXPECT_NEAR(whole(*make(binary_metrics(), "{type: average_precision}"), input), counted_average_precision(input),
                  1e-12);
    }
  }
}

TEST(BinaryMetrics, RankingBeyondTheExactSamplesUsesBins) {
  // A grid of exactly representable bins stays exact; continuous scores stay close, extreme probabilities included.
  for (const std::string type : {"auroc", "average_precision"}) {
    const std::string few = "{type: " + type + ", exact_samples: 50}", all = "{type: " + type + "}";
    const MetricInput coarse = random_labels(3000, 16, 4);
    EXPECT_NEAR(streamed(*make(binary_metrics(), few), coarse, 2), whole(*make(binary_metrics(), all), coarse), 1e-12);
    const MetricInput fine = random_labels(3000, 1 << 22, 5);
    EXPECT_NEAR(streamed(*make(binary_metrics(), few), fine, 2), whole(*make(binary_metrics(), all), fine), 2e-3);
    const MetricInput rare = {fine.prediction.to(torch::kDouble).pow(3).mul(1e-6).to(torch::kFloat), fine.target};
    EXPECT_NEAR(streamed(*make(binary_metrics(), few), rare, 2), whole(*make(binary_metrics(), all), rare), 5e-3);
    const MetricInput certain = {1 - fine.prediction.to(torch::kDouble).mul(-1).add(1).mul(1e-3).to(torch::kFloat),
                                 fine.target};
    EXPECT_NEAR(streamed(*make(binary_metrics(), few), certain, 2), whole(*make(binary_metrics(), all), certain), 5e-3);
  }
}

TEST(BinaryMetrics, AccuracyAndF1AgreeWithCounting) {
  for (const uint64_t seed : {1, 2, 3}) {
    const MetricInput input = random_labels(90, 4, seed);
    const auto score = list(input.prediction), label = list(input.target);
    double right = 0, tp = 0, wrong = 0;
    for (size_t i = 0; i < score.size(); ++i) {
      const bool says = score[i] >= 0.5, is = label[i] == 1;
      right += says == is;
      tp += says && is;
      wrong += says != is;
    }
    EXPECT_DOUBLE_EQ(whole(*make(binary_metrics(), "{type: accuracy}"), input), right / 90);
    EXPECT_DOUBLE_EQ(whole(*make(binary_metrics(), "{type: f1}"), input), 2 * tp / (2 * tp + wrong));
  }
}

TEST(BinaryMetrics, StreamingEqualsWhole) {
  const MetricInput input = random_labels(200, 20, 7);
  for (const std::string name : {"accuracy", "f1", "auroc", "average_precision"}) {
    const auto metric = make(binary_metrics(), "{type: " + name + "}");
    EXPECT_TRUE(std::isnan(metric->value())) << name;
    const double expected = whole(*metric, input);
    EXPECT_DOUBLE_EQ(streamed(*metric, input, 3), expected) << name;
    EXPECT_EQ(metric->name(), name);
    EXPECT_EQ(metric->direction(), Direction::higher_is_better);
    metric->reset();
    EXPECT_TRUE(std::isnan(metric->value())) << name;
  }
}

TEST(BinaryMetrics, AreNanWhereUndefined) {
  const MetricInput negatives = {torch::rand({5}) * 0.4, torch::zeros({5})},
                    positives = {torch::rand({5}), torch::ones({5})};
  EXPECT_TRUE(std::isnan(whole(*make(binary_metrics(), "{type: auroc}"), negatives)));
  EXPECT_TRUE(std::isnan(whole(*make(binary_metrics(), "{type: auroc}"), positives)));
  EXPECT_TRUE(std::isnan(whole(*make(binary_metrics(), "{type: average_precision}"), negatives)));
  EXPECT_EQ(whole(*make(binary_metrics(), "{type: average_precision}"), positives), 1);
  EXPECT_TRUE(std::isnan(whole(*make(binary_metrics(), "{type: f1}"), negatives)));
  const MetricInput broken = {torch::tensor({0.5F, std::nanf("")}), torch::tensor({1.F, 0.F})};
  EXPECT_TRUE(std::isnan(whole(*make(binary_metrics(), "{type: auroc}"), broken)));
  EXPECT_TRUE(std::isnan(whole(*make(binary_metrics(), "{type: average_precision}"), broken)));
}

// ---- regression

MetricInput random_numbers(int64_t n, double offset, uint64_t seed) {
  torch::manual_seed(seed);
  const at::Tensor target = torch::randn({n}, torch::kDouble) + offset;
  return {target + 0.5 * torch::randn({n}, torch::kDouble), target};
}

TEST(RegressionMetrics, AgreeWithTheirFormulasFarFromZeroToo) {
  for (const double offset : {0.0, 1e6}) {
    for (const int64_t n : {40, 41}) {
      const MetricInput input = random_numbers(n, offset, 8);
      const auto p = list(input.prediction), y = list(input.target);
      double absolute = 0, square = 0, mean = 0, spread = 0;
      std::vector<double> errors;
      for (const double v : y) mean += (v - offset) / static_cast<double>(n);
      for (size_t i = 0; i < y.size(); ++i) {
        errors.push_back(std::abs(p[i] - y[i]));
        absolute += errors.back();
        square += errors.back() * errors.back();
        spread += (y[i] - offset - mean) * (y[i] - offset - mean);
      }
      std::sort(errors.begin(), errors.end());
      const double median = 0.5 * (errors[(errors.size() - 1) / 2] + errors[errors.size() / 2]);
      const double count = static_cast<double>(n);
      const auto value = [&](const std::string& name) {
        const auto metric = make(regression_metrics(), "{type: " + name + "}");
        EXPECT_NEAR(streamed(*metric, input, 5), whole(*metric, input), 1e-9) << name;
        return streamed(*metric, input, 4);
      };
      EXPECT_NEAR(value("mae"), absolute / count, 1e-12);
      EXPECT_NEAR(value("rmse"), std::sqrt(square / count), 1e-12);
      EXPECT_NEAR(value("r2"), 1 - square / spread, 1e-9);
      EXPECT_DOUBLE_EQ(value("median_ae"), median);
    }
  }
}

TEST(RegressionMetrics, MedianBeyondTheExactSamplesIsClose) {
  torch::manual_seed(9);
  for (const double scale : {1.0, 1e-20, 1e20}) {
    const at::Tensor error = torch::randn({4001}, torch::kDouble) * scale;
    const MetricInput input = {error, torch::zeros({4001}, torch::kDouble)};
    const double exact = whole(*make(regression_metrics(), "{type: median_ae}"), input);
    const double sketched = streamed(*make(regression_metrics(), "{type: median_ae, exact_samples: 100}"), input, 6);
    EXPECT_NEAR(sketched, exact, exact / 2048);
    EXPECT_EQ(sketched, whole(*make(regression_metrics(), "{type: median_ae, exact_samples: 0}"), input));
  }
  const at::Tensor zeros = torch::zeros({5}, torch::kDouble);
  EXPECT_EQ(whole(*make(regression_metrics(), "{type: median_ae, exact_samples: 0}"), {zeros, zeros}), 0);
  const at::Tensor endless = torch::full({5}, std::numeric_limits<double>::infinity(), torch::kDouble);
  EXPECT_TRUE(std::isinf(whole(*make(regression_metrics(), "{type: median_ae, exact_samples: 0}"), {endless, zeros})));
}

TEST(RegressionMetrics, AreNanWhereUndefined) {
  for (const std::string name : {"mae", "rmse", "r2", "median_ae"}) {
    const auto metric = make(regression_metrics(), "{type: " + name + "}");
    EXPECT_TRUE(std::isnan(metric->value())) << name;
    EXPECT_TRUE(std::isnan(whole(*metric, {doubles({1, kNan}), doubles({1, 2})}))) << name;
    EXPECT_EQ(metric->name(), name);
    EXPECT_EQ(metric->direction() == Direction::higher_is_better, name == "r2") << name;
    EXPECT_EQ(metric->in_target_units(), name != "r2") << name;
    metric->reset();
    EXPECT_TRUE(std::isnan(metric->value())) << name;
  }
  const auto r2 = make(regression_metrics(), "{type: r2}");
  EXPECT_TRUE(std::isnan(whole(*r2, {doubles({0.1, 0.2, 0.3}), doubles({0.1, 0.1, 0.1})})));
  EXPECT_EQ(whole(*r2, {doubles({1, 2, 3}), doubles({1, 2, 3})}), 1);
}

}  // namespace
}  // namespace polytask
