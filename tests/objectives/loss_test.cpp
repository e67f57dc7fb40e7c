#include <polytask/objectives/loss.h>
#include <polytask/objectives/losses/mean_loss.h>

#include <gmock/gmock.h>
#include <objectives/support.h>

#include <torch/nn/functional/loss.h>

namespace polytask {
namespace {

using testing::HasSubstr;

std::unique_ptr<Loss> make(const LossRegistry& registry, const std::string& yaml, int64_t outputs) {
  return registry.create(section(yaml), outputs);
}

double mean(const Loss& loss, const at::Tensor& output, const at::Tensor& target) {
  return mean_loss(loss, output, target, {}).item<double>();
}

// −log softmax by hand, in plain C++.
double minus_log_p(const at::Tensor& logits, int64_t row, int64_t of) {
  double sum = 0;
  for (int64_t c = 0; c < logits.size(1); ++c) sum += std::exp(at2(logits, row, c));
  return std::log(sum) - at2(logits, row, of);
}

struct Classes : testing::Test {
  Classes() { torch::manual_seed(3); }
  at::Tensor output = (torch::manual_seed(3), torch::randn({7, 4}, torch::kDouble) * 2);
  at::Tensor target = longs({0, 3, 1, 1, 2, 0, 3});
  at::Tensor weights = doubles({0.5, 2, 1, 0.25});
};

TEST_F(Classes, CrossEntropyIsMinusLogProbability) {
  const auto loss = make(classification_losses(), "{type: cross_entropy}", 4);
  const at::Tensor losses = loss->forward(output, target);
  ASSERT_EQ(losses.sizes(), at::IntArrayRef({7}));
  for (int64_t i = 0; i < 7; ++i)
    EXPECT_NEAR(losses[i].item<double>(), minus_log_p(output, i, target[i].item<int64_t>()), 1e-12);
  EXPECT_FALSE(loss->sample_weights(target).defined());
  EXPECT_EQ(loss->outputs_per_target(), 1);
}

TEST_F(Classes, CrossEntropyEqualsTorchWithWeightsAndSmoothing) {
  namespace F = torch::nn::functional;
  const std::string w = "[0.5, 2, 1, 0.25]";
  const auto expect = [&](const std::string& yaml, const F::CrossEntropyFuncOptions& options) {
    SCOPED_TRACE(yaml);
    EXPECT_NEAR(mean(*make(classification_losses(), yaml, 4), output, target),
                F::cross_entropy(output, target, options).item<double>(), 1e-12);
  };
  expect("{type: cross_entropy}", {});
  expect("{type: cross_entropy, label_smoothing: 0.1}", F::CrossEntropyFuncOptions().label_smoothing(0.1));
  expect("{type: cross_entropy, class_weights: " + w + "}", F::CrossEntropyFuncOptions().weight(weights));
  expect("{type: cross_entropy, label_smoothing: 0.3, class_weights: " + w + "}",
         F::CrossEntropyFuncOptions().weight(weights).label_smoothing(0.3));
}

TEST_F(Classes, WeightedMeanDividesByTheSumOfWeights) {
  const auto loss = make(classification_losses(), "{type: cross_entropy, class_weights: [0.5, 2, 1, 0.25]}", 4);
  double sum = 0, weight = 0;
  for (int64_t i = 0; i < 7; ++i) {
    const int64_t c = target[i].item<int64_t>();
    sum += weights[c].item<double>() * minus_log_p(output, i, c);
    weight += weights[c].item<double>();
  }
  EXPECT_NEAR(mean(*loss, output, target), sum / weight, 1e-12);
}

TEST_F(Classes, ClassesOfWeightZeroHaveNoInfluenceAndAloneNoLoss) {
  for (const std::string type : {"cross_entropy", "focal"}) {
    const auto loss = make(classification_losses(), "{class_weights: [0, 1, 1, 1], type: " + type + "}", 4);
    const at::Tensor leaf = output.slice(0, 0, 2).clone().set_requires_grad(true);
    const at::Tensor both = mean_loss(*loss, leaf, longs({0, 1}), {});
    both.backward();
    EXPECT_NEAR(both.item<double>(), mean(*loss, output.slice(0, 1, 2), longs({1})), 1e-12) << type;
    EXPECT_TRUE(leaf.grad()[0].eq(0).all().item<bool>()) << type;
    EXPECT_FALSE(mean_loss(*loss, leaf, longs({0, 0}), {}).defined()) << type;
    EXPECT_FALSE(mean_loss(*loss, leaf, longs({0, 1}), bools({1, 0})).defined()) << type;
  }
}

TEST_F(Classes, FocalFollowsItsFormula) {
  const auto loss = make(classification_losses(), "{type: focal, gamma: 1.5, class_weights: [0.5, 2, 1, 0.25]}", 4);
  const at::Tensor losses = loss->forward(output, target);
  double sum = 0, weight = 0;
  for (int64_t i = 0; i < 7; ++i) {
    const int64_t c = target[i].item<int64_t>();
    const double nll = minus_log_p(output, i, c);
    const double expected = std::pow(1 - std::exp(-nll), 1.5) * nll;
    EXPECT_NEAR(losses[i].item<double>(), expected, 1e-12);
    sum += weights[c].item<double>() * expected;
    weight += weights[c].item<double>();
  }
  EXPECT_NEAR(mean(*loss, output, target), sum / weight, 1e-12);
}

TEST_F(Classes, FocalWithoutGammaIsCrossEntropy) {
  const auto focal = make(classification_losses(), "{type: focal, gamma: 0}", 4);
  const auto entropy = make(classification_losses(), "{type: cross_entropy}", 4);
  EXPECT_NEAR(mean(*focal, output, target), mean(*entropy, output, target), 1e-12);
}

TEST_F(Classes, FocalHasFiniteGradientsWhereTheModelIsCertain) {
  for (const std::string gamma : {"0.1", "0.5", "1", "2"}) {
    const auto loss = make(classification_losses(), "{type: focal, gamma: " + gamma + "}", 2);
    const at::Tensor certain = torch::tensor({{200.F, -200.F}, {-200.F, 200.F}}).set_requires_grad(true);
    mean_loss(*loss, certain, longs({0, 0}), {}).backward();
    EXPECT_TRUE(certain.grad().isfinite().all().item<bool>()) << gamma;
  }
}

TEST_F(Classes, GradientsAgreeWithDifferences) {
  for (const std::string yaml :
       {"{type: cross_entropy}", "{type: cross_entropy, label_smoothing: 0.2, class_weights: [0.5, 2, 1, 0.25]}",
        "{type: focal}", "{type: focal, gamma: 0.5, class_weights: [0.5, 2, 1, 0.25]}"}) {
    const auto loss = make(classification_losses(), yaml, 4);
    EXPECT_LT(gradient_error([&](const at::Tensor& x) { return mean_loss(*loss, x, target, {}); }, output), 1e-8)
        << yaml;
  }
}

TEST_F(Classes, ErrorsSayWhatIsWrong) {
  const auto error = [](const std::string& yaml) { return error_of([&] { make(classification_losses(), yaml, 4); }); };
  EXPECT_THAT(error("{type: cross_entopy}"),
              HasSubstr("unknown classification loss \"cross_entopy\"; did you mean \"cross_entropy\"?"));
  EXPECT_THAT(error("{type: cross_entropy, label_smoothing: 1}"), HasSubstr("1 is out of range: must be ≥ 0, < 1"));
  EXPECT_THAT(error("{type: cross_entropy, class_weights: [1, 2]}"),
              HasSubstr("test.yaml:1: tasks.t.class_weights: 2 class weights for 4 classes"));
  EXPECT_THAT(error("{type: cross_entropy, class_weights: [1, -2, 1, 1]}"),
              HasSubstr("must be a finite number ≥ 0, got -2"));
  EXPECT_THAT(error("{type: focal, class_weights: [1, .inf, 1, 1]}"),
              HasSubstr("must be a finite number ≥ 0, got .inf"));
  EXPECT_THAT(error("{type: focal, class_weights: [0, 0, 0, 0]}"), HasSubstr("every class weight is 0"));
  EXPECT_THAT(error("{type: focal, class_weights: even}"), HasSubstr("expected a list of 4 numbers or \"balanced\""));
  EXPECT_THAT(error("{type: focal, class_weights: balanced}"), HasSubstr("needs a classification task"));
  EXPECT_THAT(error("{type: cross_entropy, label_smoothing: 0.1, class_weights: [0, 1, 1, 1]}"),
              HasSubstr("does not go with label_smoothing"));
  EXPECT_THAT(error("{type: focal, gamma: -1}"), HasSubstr("must be ≥ 0"));
}

struct Labels : testing::Test {
  at::Tensor output = (torch::manual_seed(4), torch::randn({6, 3}, torch::kDouble) * 3);
  at::Tensor target = torch::rand({6, 3}, torch::kDouble).gt(0.5).to(torch::kDouble);
};

TEST_F(Labels, BceFollowsItsFormula) {
  const auto loss = make(binary_losses(), "{type: bce, pos_weight: [0.5, 1, 3]}", 3);
  const std::vector<double> weight = {0.5, 1, 3};
  const at::Tensor losses = loss->forward(output, target);
  for (int64_t i = 0; i < 6; ++i) {
    for (int64_t k = 0; k < 3; ++k) {
      const double p = 1 / (1 + std::exp(-at2(output, i, k)));
      const double expected = at2(target, i, k) > 0 ? -weight[static_cast<size_t>(k)] * std::log(p) : -std::log(1 - p);
      EXPECT_NEAR(at2(losses, i, k), expected, 1e-10);
    }
  }
}

TEST_F(Labels, BceEqualsTorch) {
  namespace F = torch::nn::functional;
  EXPECT_NEAR(mean(*make(binary_losses(), "{type: bce}", 3), output, target),
              F::binary_cross_entropy(output.sigmoid(), target).item<double>(), 1e-10);
  EXPECT_NEAR(mean(*make(binary_losses(), "{type: bce, pos_weight: [2, 2, 2]}", 3), output, target),
              F::binary_cross_entropy_with_logits(
                  output, target, F::BinaryCrossEntropyWithLogitsFuncOptions().pos_weight(doubles({2, 2, 2})))
                  .item<double>(),
              1e-12);
}

TEST_F(Labels, BceStaysFiniteForHugeLogits) {
  const auto loss = make(binary_losses(), "{type: bce}", 1);
  const at::Tensor huge = torch::tensor({{1e4F}, {-1e4F}, {1e4F}}).set_requires_grad(true);
  const at::Tensor losses = loss->forward(huge, torch::tensor({{1.F}, {1.F}, {0.F}}));
  EXPECT_TRUE(losses.equal(torch::tensor({{0.F}, {1e4F}, {1e4F}})));
}

TEST_F(Labels, BceGradientAgreesWithDifferences) {
  for (const std::string yaml : {"{type: bce}", "{type: bce, pos_weight: [0.5, 1, 3]}"}) {
    const auto loss = make(binary_losses(), yaml, 3);
    EXPECT_LT(gradient_error([&](const at::Tensor& x) { return mean_loss(*loss, x, target, {}); }, output), 1e-8);
  }
}

TEST_F(Labels, BceErrors) {
  const auto error = [](const std::string& yaml) { return error_of([&] { make(binary_losses(), yaml, 3); }); };
  EXPECT_THAT(error("{type: bce, pos_weight: [1, 2]}"), HasSubstr("one number per label, 3, got 2"));
  EXPECT_THAT(error("{type: bce, pos_weight: [1, 2, -1]}"), HasSubstr("must be ≥ 0"));
  EXPECT_THAT(error("{type: bce, pos_weight: [1, 2, .inf]}"), HasSubstr("pos_weight must be finite"));
  EXPECT_THAT(error("{type: cross_entropy}"), HasSubstr("unknown binary loss"));
}

struct Numbers : testing::Test {
  at::Tensor output = (torch::manual_seed(5), torch::randn({9, 2}, torch::kDouble) * 3);
  at::Tensor target = torch::randn({9, 2}, torch::kDouble);

  void expect(const std::string& yaml, const std::function<double(double)>& of_error) {
    SCOPED_TRACE(yaml);
    const auto loss = make(regression_losses(), yaml, 2);
    const at::Tensor losses = loss->forward(output, target);
    double sum = 0;
    for (int64_t i = 0; i < 9; ++i) {
      for (int64_t k = 0; k < 2; ++k) {
        const double expected = of_error(at2(output, i, k) - at2(target, i, k));
        EXPECT_NEAR(at2(losses, i, k), expected, 1e-12);
        sum += expected;
      }
    }
    EXPECT_NEAR(mean(*loss, output, target), sum / 18, 1e-12);
    EXPECT_LT(gradient_error([&](const at::Tensor& x) { return mean_loss(*loss, x, target, {}); }, output), 1e-8);
  }
};

TEST_F(Numbers, Mse) {
  expect("{type: mse}", [](double e) { return e * e; });
}
TEST_F(Numbers, L1) {
  expect("{type: l1}", [](double e) { return std::abs(e); });
}
TEST_F(Numbers, Huber) {
  for (const double d : {1.0, 0.5, 2.5})
    expect("{type: huber, delta: " + number_text(d) + "}",
           [&](double e) { return std::abs(e) <= d ? e * e / 2 : d * (std::abs(e) - d / 2); });
}
TEST_F(Numbers, SmoothL1) {
  for (const double b : {1.0, 0.5, 2.5})
    expect("{type: smooth_l1, beta: " + number_text(b) + "}",
           [&](double e) { return std::abs(e) <= b ? e * e / (2 * b) : std::abs(e) - b / 2; });
}

TEST_F(Numbers, GaussianLikelihood) {
  const auto loss = make(regression_losses(), "{type: nll_gaussian, log_variance_range: [-1, 2]}", 2);
  EXPECT_EQ(loss->outputs_per_target(), 2);
  const at::Tensor both = torch::cat({output, torch::randn({9, 2}, torch::kDouble) * 2}, 1);  // means, log-variances
  const at::Tensor losses = loss->forward(both, target);
  const double log_2pi = std::log(2 * 3.14159265358979323846);
  for (int64_t i = 0; i < 9; ++i) {
    for (int64_t k = 0; k < 2; ++k) {
      const double s = std::min(2.0, std::max(-1.0, at2(both, i, 2 + k)));
      const double z = (at2(both, i, k) - at2(target, i, k)) / std::exp(s / 2);
      const double density = std::exp(-z * z / 2 - log_2pi / 2) / std::exp(s / 2);
      EXPECT_NEAR(at2(losses, i, k), -std::log(density) - log_2pi / 2, 1e-10);
    }
  }
  EXPECT_LT(gradient_error([&](const at::Tensor& x) { return mean_loss(*loss, x, target, {}); }, both), 1e-8);
}

TEST_F(Numbers, GaussianLogVarianceIsClampedByDefault) {
  const auto loss = make(regression_losses(), "{type: nll_gaussian}", 1);
  const at::Tensor output_1 = doubles({0, -50}).view({1, 2}), target_1 = doubles({1}).view({1, 1});
  EXPECT_NEAR(mean(*loss, output_1, target_1), 0.5 * (-10 + std::exp(10.0)), 1e-8);
}

TEST_F(Numbers, Errors) {
  const auto error = [](const std::string& yaml) { return error_of([&] { make(regression_losses(), yaml, 1); }); };
  EXPECT_THAT(error("{type: hubber}"), HasSubstr("unknown regression loss \"hubber\"; did you mean \"huber\"?"));
  EXPECT_THAT(error("{type: huber, delta: 0}"), HasSubstr("must be > 0"));
  EXPECT_THAT(error("{type: smooth_l1, beta: 0}"), HasSubstr("must be > 0"));
  EXPECT_THAT(error("{type: mse, delta: 1}"), HasSubstr("unknown key"));
  EXPECT_THAT(error("{type: nll_gaussian, log_variance_range: [1]}"),
              HasSubstr("must be two numbers, the lower first"));
  EXPECT_THAT(error("{type: nll_gaussian, log_variance_range: [3, 3]}"),
              HasSubstr("must be two numbers, the lower first"));
}

// ---- masks

struct Masked {
  std::string yaml;
  const LossRegistry& registry;
  int64_t outputs;  // classes or targets
  bool classes;
};

TEST(Masks, InvalidEntriesHaveExactlyNoInfluence) {
  const std::vector<Masked> cases = {
      {"{type: cross_entropy, label_smoothing: 0.1, class_weights: [1, 2, 3]}", classification_losses(), 3, true},
      {"{type: cross_entropy}", classification_losses(), 3, true},
      {"{type: focal}", classification_losses(), 3, true},
      {"{type: bce, pos_weight: [1, 2, 3]}", binary_losses(), 3, false},
      {"{type: mse}", regression_losses(), 3, false},
      {"{type: l1}", regression_losses(), 3, false},
      {"{type: huber}", regression_losses(), 3, false},
      {"{type: smooth_l1}", regression_losses(), 3, false},
      {"{type: nll_gaussian}", regression_losses(), 3, false}};
  for (const auto& given : cases) {
    SCOPED_TRACE(given.yaml);
    torch::manual_seed(6);
    const auto loss = make(given.registry, given.yaml, given.outputs);
    const int64_t width = given.outputs * loss->outputs_per_target();
    const at::Tensor output = torch::randn({4, width});
    const at::Tensor target = given.classes ? longs({2, 0, 1, 0}) : torch::rand({4, 3}).round();
    const at::Tensor rows = bools({1, 0, 1, 0});
    const at::Tensor valid = given.classes ? rows : rows.unsqueeze(1).expand({4, 3});
    for (const float filler : {0.F, 1e30F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
      at::Tensor wild = output.clone();
      wild.index_fill_(0, longs({1, 3}), filler);
      wild.set_requires_grad(true);
      const at::Tensor value = mean_loss(*loss, wild, target, valid);
      value.backward();
      const at::Tensor kept = output.index_select(0, longs({0, 2})).set_requires_grad(true);
      const at::Tensor alone = mean_loss(*loss, kept, target.index_select(0, longs({0, 2})), {});
      alone.backward();
      EXPECT_FLOAT_EQ(value.item<float>(), alone.item<float>());
      EXPECT_TRUE(wild.grad().index_select(0, longs({1, 3})).eq(0).all().item<bool>());
      EXPECT_TRUE(torch::allclose(wild.grad().index_select(0, longs({0, 2})), kept.grad(), 1e-5, 1e-8));
    }
  }
}

TEST(Masks, WorkPerEntry) {
  const auto loss = make(regression_losses(), "{type: l1}", 2);
  const at::Tensor output = doubles({1, 2, 3, 4}).view({2, 2}), target = torch::zeros({2, 2}, torch::kDouble);
  EXPECT_DOUBLE_EQ(mean_loss(*loss, output, target, bools({1, 0, 0, 1}).view({2, 2})).item<double>(), 2.5);
}

TEST(Masks, HalfPrecisionIsReducedInFloat) {
  const auto loss = make(regression_losses(), "{type: mse}", 1);
  const at::Tensor output = torch::full({4, 1}, 300, torch::kBFloat16);
  const at::Tensor value = mean_loss(*loss, output, torch::zeros({4, 1}), {});
  EXPECT_EQ(value.scalar_type(), torch::kFloat);
  EXPECT_EQ(value.item<float>(), 90000.F);
}

}  // namespace
}  // namespace polytask
