#include <polytask/objectives/dense_loss.h>
#include <polytask/objectives/losses/class_weights.h>

#include <gmock/gmock.h>
#include <objectives/support.h>

#include <algorithm>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<DenseLoss> segmentation(const std::string& yaml, int64_t classes) {
  return segmentation_losses().create(segmentation_losses().resolve(section(yaml, "tasks.t.loss")), classes);
}
std::unique_ptr<DenseLoss> regression(const std::string& yaml) {
  return dense_regression_losses().create(dense_regression_losses().resolve(section(yaml, "tasks.t.loss")), 1);
}

const std::vector<std::string> kSegmentation = {
    "{type: cross_entropy}",
    "{type: cross_entropy, label_smoothing: 0.1, class_weights: [1, 2, 0.5]}",
    "{type: dice}",
    "{type: dice, per_class: true}",
    "{type: focal}",
    "{type: lovasz}",
    "{type: sum, losses: [cross_entropy, {type: dice, epsilon: 1}], weights: [1, 0.3]}"};
const std::vector<std::string> kRegression = {"{type: l1}",
                                              "{type: huber, delta: 0.5}",
                                              "{type: mse}",
                                              "{type: berhu}",
                                              "{type: silog}",
                                              "{type: silog, root: false, unbiased: false, lambda: 0.5}",
                                              "{type: sum, losses: [l1, silog]}"};

// Logits whose softmax are these probabilities [n, C] of n pixels in a row, as a map [1, C, 1, n].
at::Tensor logits_of(const at::Tensor& probabilities) {
  return probabilities.log().t().reshape({1, probabilities.size(1), 1, probabilities.size(0)});
}
at::Tensor row(const at::Tensor& values) { return values.reshape({1, 1, -1}); }  // [B, H, W]

double value_of(const DenseLoss& loss, const at::Tensor& output, const at::Tensor& target,
                const at::Tensor& valid = {}) {
  return loss.forward(output, target, valid).item<double>();
}

TEST(DenseLosses, AreListedWithTheirOptions) {
  EXPECT_THAT(segmentation_losses().names(), ElementsAre("cross_entropy", "dice", "focal", "lovasz", "sum"));
  EXPECT_THAT(dense_regression_losses().names(), ElementsAre("l1", "huber", "mse", "berhu", "silog", "sum"));
  for (const auto* family : {&segmentation_losses(), &dense_regression_losses()})
    for (const auto& info : family->infos()) {
      EXPECT_FALSE(info.summary.empty()) << info.name;
      for (const auto& option : info.options()) EXPECT_FALSE(option.doc.empty()) << info.name << "." << option.name;
    }
}

// Three pixels of two classes: p = .8 .2 | .6 .4 | .3 .7, targets 0 0 1.
at::Tensor three_pixels() { return torch::tensor({{0.8, 0.2}, {0.6, 0.4}, {0.3, 0.7}}, torch::kDouble); }
at::Tensor their_classes() { return row(longs({0, 0, 1})); }

TEST(DenseLosses, CrossEntropyAndFocalAreMeansOverPixels) {
  const at::Tensor output = logits_of(three_pixels());
  const double expected = -(std::log(0.8) + std::log(0.6) + std::log(0.7)) / 3;
  EXPECT_NEAR(value_of(*segmentation("{type: cross_entropy}", 2), output, their_classes()), expected, 1e-12);
  const double weighted = -(std::log(0.8) + std::log(0.6) + 3 * std::log(0.7)) / 5;
  EXPECT_NEAR(value_of(*segmentation("{type: cross_entropy, class_weights: [1, 3]}", 2), output, their_classes()),
              weighted, 1e-12);
  const double focal = -(0.04 * std::log(0.8) + 0.16 * std::log(0.6) + 0.09 * std::log(0.7)) / 3;
  EXPECT_NEAR(value_of(*segmentation("{type: focal}", 2), output, their_classes()), focal, 1e-12);
}

TEST(DenseLosses, DicePoolsEverything) {
  const at::Tensor output = logits_of(three_pixels());
  // Overlap .8 + .6 + .7; both sums are 3.
  EXPECT_NEAR(value_of(*segmentation("{type: dice}", 2), output, their_classes()), 1 - (2 * 2.1 + 1e-6) / (6 + 1e-6),
              1e-12);
  EXPECT_NEAR(value_of(*segmentation("{type: dice, epsilon: 1}", 2), output, their_classes()), 1 - 5.2 / 7, 1e-12);
  // Class 0: overlap 1.4, sums 1.7 and 2; class 1: overlap .7, sums 1.3 and 1.
  const double each = 1 - (2 * 1.4 / 3.7 + 2 * 0.7 / 2.3) / 2;
  EXPECT_NEAR(value_of(*segmentation("{type: dice, per_class: true}", 2), output, their_classes()), each, 1e-6);
  // Only class 0 in the targets: class 1 does not count.
  const at::Tensor zeros = row(longs({0, 0, 0}));
  EXPECT_NEAR(value_of(*segmentation("{type: dice, per_class: true}", 2), output, zeros), 1 - 2 * 1.7 / 4.7, 1e-6);
}

TEST(DenseLosses, LovaszIsTheJaccardStepsOfSortedErrors) {
  // Class 0: errors .2 .4 | .3 (truth 1 1 0), sorted .4 (1) .3 (0) .2 (1): Jaccard losses 1/2, 2/3, 1; steps 1/2, 1/6,
  // 1/3. Class 1: truth 0 0 1, the same errors: sorted .4 (0) .3 (1) .2 (0): losses 1/2, 1, 1; steps 1/2, 1/2, 0.
  const double first = 0.4 / 2 + 0.3 / 6 + 0.2 / 3, second = 0.4 / 2 + 0.3 / 2;
  const auto loss = segmentation("{type: lovasz}", 2);
  EXPECT_NEAR(value_of(*loss, logits_of(three_pixels()), their_classes()), (first + second) / 2, 1e-12);
  // Of three classes the third is in no target: it does not count.
  const at::Tensor three = torch::tensor({{0.7, 0.2, 0.1}, {0.6, 0.3, 0.1}}, torch::kDouble);
  // Class 0 alone, errors .4 .3, both truths: losses 1/2, 1.
  EXPECT_NEAR(value_of(*segmentation("{type: lovasz}", 3), logits_of(three), row(longs({0, 0}))), 0.4 / 2 + 0.3 / 2,
              1e-12);
}

// At predictions that are certain, the Lovász extension is 1 − IoU itself, class by class.
TEST(DenseLosses, LovaszOfHardPredictionsIsOneMinusIou) {
  torch::manual_seed(5);
  const at::Tensor target = torch::randint(3, {2, 4, 5}, torch::kLong),
                   said = torch::randint(3, {2, 4, 5}, torch::kLong);
  const at::Tensor output = 1e3 * torch::one_hot(said, 3).permute({0, 3, 1, 2}).to(torch::kDouble);
  double expected = 0;
  for (int64_t c = 0; c < 3; ++c) {
    const at::Tensor a = target == c, b = said == c;
    expected += 1 - a.logical_and(b).sum().item<double>() / a.logical_or(b).sum().item<double>();
  }
  EXPECT_NEAR(value_of(*segmentation("{type: lovasz}", 3), output, target), expected / 3, 1e-9);
}

TEST(DenseLosses, RegressionAgreesWithHandNumbers) {
  const at::Tensor output = doubles({1.5, 2, 5}).reshape({1, 1, 1, 3}), target = row(doubles({1, 2, 4}));
  EXPECT_NEAR(value_of(*regression("{type: l1}"), output, target), 0.5, 1e-12);
  EXPECT_NEAR(value_of(*regression("{type: mse}"), output, target), 1.25 / 3, 1e-12);
  EXPECT_NEAR(value_of(*regression("{type: huber, delta: 0.5}"), output, target), (0.125 + 0.5 * 0.75) / 3, 1e-12);
  // c = .2 · 1: .5 → (.25 + .04)/.4, 0 → 0, 1 → 1.04/.4.
  EXPECT_NEAR(value_of(*regression("{type: berhu}"), output, target), (0.29 / 0.4 + 1.04 / 0.4) / 3, 1e-12);
  EXPECT_NEAR(value_of(*regression("{type: berhu, share: 1}"), output, target), 0.5, 1e-12);
}

TEST(DenseLosses, SilogIsEigensAndDinos) {
  const at::Tensor output = doubles({1.5, 2, 5}).reshape({1, 1, 1, 3}), target = row(doubles({1, 2, 4}));
  const std::vector<double> g = {std::log(1.501 / 1.001), 0, std::log(5.001 / 4.001)};
  const double mean = (g[0] + g[2]) / 3, squares = (g[0] * g[0] + g[2] * g[2]) / 3, variance = squares - mean * mean;
  EXPECT_NEAR(value_of(*regression("{type: silog, root: false, unbiased: false, lambda: 0.5}"), output, target),
              squares - 0.5 * mean * mean, 1e-12);
  EXPECT_NEAR(value_of(*regression("{type: silog}"), output, target), std::sqrt(1.5 * variance + 0.15 * mean * mean),
              1e-12);
  // A common factor costs nothing with lambda 1.
  const auto invariant = regression("{type: silog, lambda: 1, root: false, epsilon: 1e-9}");
  EXPECT_NEAR(value_of(*invariant, 3 * target.unsqueeze(1), target), 0, 1e-12);
  // Targets that are not above 0 have no logarithm; an output below 0 counts as 0.
  const at::Tensor longer = doubles({1.5, 2, 5, 9, 9}).reshape({1, 1, 1, 5});
  EXPECT_EQ(value_of(*regression("{type: silog}"), longer, row(doubles({1, 2, 4, 0, -3}))),
            value_of(*regression("{type: silog}"), output, target));
  EXPECT_EQ(value_of(*regression("{type: silog}"), doubles({-2, 2}).reshape({1, 1, 1, 2}), row(doubles({1, 3}))),
            value_of(*regression("{type: silog}"), doubles({0, 2}).reshape({1, 1, 1, 2}), row(doubles({1, 3}))));
  // One pixel has no spread; an exact fit a gradient.
  EXPECT_NEAR(value_of(*regression("{type: silog}"), doubles({2}).reshape({1, 1, 1, 1}), row(doubles({1}))),
              std::sqrt(0.15) * std::log(2.001 / 1.001), 1e-12);
  const at::Tensor exact = target.unsqueeze(1).clone().requires_grad_(true);
  regression("{type: silog}")->forward(exact, target, {}).backward();
  EXPECT_TRUE(exact.grad().isfinite().all().item<bool>());
}

struct Maps {
  at::Tensor output, target, valid;
};

Maps random_maps(bool classes, uint64_t seed) {
  torch::manual_seed(static_cast<int64_t>(seed));
  Maps maps;
  maps.output = classes ? torch::randn({2, 3, 3, 4}, torch::kDouble) : torch::rand({2, 1, 3, 4}, torch::kDouble) + 0.2;
  maps.target = classes ? torch::randint(3, {2, 3, 4}, torch::kLong) : torch::rand({2, 3, 4}, torch::kDouble) + 0.3;
  maps.valid = torch::rand({2, 3, 4}) > 0.4;
  return maps;
}

void for_all(const std::function<void(const DenseLoss&, bool classes)>& check) {
  for (const auto& yaml : kSegmentation) {
    SCOPED_TRACE(yaml);
    check(*segmentation(yaml, 3), true);
  }
  for (const auto& yaml : kRegression) {
    SCOPED_TRACE(yaml);
    check(*regression(yaml), false);
  }
}

TEST(DenseLosses, HaveExactGradients) {
  for_all([](const DenseLoss& loss, bool classes) {
    for (const uint64_t seed : {1, 2}) {
      const Maps maps = random_maps(classes, seed);
      // Berhu's c is a constant of the batch: hold the greatest error outside of what is varied.
      EXPECT_LT(gradient_error(
                    [&](const at::Tensor& x) {
                      at::Tensor output = x, target = maps.target, valid = maps.valid;
                      if (!classes) {
                        output = at::cat({x, at::full({2, 1, 3, 1}, 9.0, at::kDouble)}, 3);
                        target = at::cat({target, at::ones({2, 3, 1}, at::kDouble)}, 2);
                        valid = at::cat({valid, at::ones({2, 3, 1}, at::kBool)}, 2);
                      }
                      return loss.forward(output, target, valid);
                    },
                    maps.output),
                1e-6);
    }
  });
}

TEST(DenseLosses, SeeValidPixelsAlone) {
  for_all([](const DenseLoss& loss, bool classes) {
    const Maps maps = random_maps(classes, 3);
    const at::Tensor invalid = maps.valid.logical_not();
    const at::Tensor leaf = maps.output.masked_fill(invalid.unsqueeze(1), kNan).requires_grad_(true);
    const at::Tensor filler = classes ? maps.target.masked_fill(invalid, 1) : maps.target.masked_fill(invalid, 1e30);
    const at::Tensor value = loss.forward(leaf, filler, maps.valid);
    value.backward();
    EXPECT_EQ(leaf.grad().masked_select(invalid.unsqueeze(1)).abs().sum().item<double>(), 0);
    EXPECT_TRUE(leaf.grad().isfinite().all().item<bool>());
    // The same pixels as one row of a map.
    const int64_t channels = maps.output.size(1);
    const at::Tensor pixels = maps.output.permute({0, 2, 3, 1}).reshape({-1, channels}).index({maps.valid.reshape(-1)});
    EXPECT_NEAR(value.item<double>(),
                value_of(loss, pixels.t().reshape({1, channels, 1, -1}), row(maps.target.masked_select(maps.valid))),
                1e-12);
  });
}

TEST(DenseLosses, AreUndefinedWhereNothingIsValid) {
  for_all([](const DenseLoss& loss, bool classes) {
    const Maps maps = random_maps(classes, 4);
    const at::Tensor output = at::full_like(maps.output, kNan);
    EXPECT_FALSE(loss.forward(output, maps.target, at::zeros_like(maps.valid)).defined());
  });
}

TEST(DenseLosses, AreUndefinedWhereTheyLeaveOutEverythingValid) {
  const at::Tensor output = at::ones({1, 1, 1, 3}, at::kDouble), below = row(doubles({0, -1, -2}));
  EXPECT_FALSE(regression("{type: silog}")->forward(output, below, {}).defined());
  EXPECT_FALSE(regression("{type: silog}")->forward(output, row(doubles({0, 5, 0})), row(bools({1, 0, 1}))).defined());
  // A sum is that of its other terms.
  EXPECT_EQ(value_of(*regression("{type: sum, losses: [silog, l1]}"), output, below), 2);
  EXPECT_FALSE(regression("{type: sum, losses: [silog]}")->forward(output, below, {}).defined());
  for (const char* type : {"cross_entropy", "focal"}) {
    const auto loss = segmentation(std::string("{class_weights: [0, 1], type: ") + type + "}", 2);
    const at::Tensor logits = logits_of(three_pixels());
    EXPECT_FALSE(loss->forward(logits, row(longs({0, 0, 0})), {}).defined()) << type;
    EXPECT_FALSE(loss->forward(logits, their_classes(), row(bools({1, 1, 0}))).defined()) << type;
    EXPECT_TRUE(loss->forward(logits, their_classes(), {}).defined()) << type;
  }
}

TEST(DenseLosses, SayWhetherTheyLeaveOutNegatives) {
  EXPECT_TRUE(regression("{type: silog}")->leaves_out_negatives());
  EXPECT_TRUE(regression("{type: sum, losses: [l1, silog]}")->leaves_out_negatives());
  EXPECT_FALSE(regression("{type: sum, losses: [l1, berhu]}")->leaves_out_negatives());
}

TEST(DenseLosses, AcceptEveryPixelValidAndHalfPrecision) {
  for_all([](const DenseLoss& loss, bool classes) {
    const Maps maps = random_maps(classes, 5);
    const double whole = value_of(loss, maps.output, maps.target);
    EXPECT_NEAR(whole, value_of(loss, maps.output, maps.target, at::ones_like(maps.valid)), 1e-12);
    const at::Tensor half = loss.forward(maps.output.to(at::kBFloat16), maps.target, {});
    EXPECT_EQ(half.scalar_type(), at::kFloat);
    EXPECT_NEAR(half.item<double>(), whole, 0.1);
  });
}

TEST(DenseLosses, SumAddsItsTerms) {
  const Maps maps = random_maps(true, 6);
  const auto sum = segmentation("{type: sum, losses: [cross_entropy, dice], weights: [2, 0.5]}", 3);
  const double expected = 2 * value_of(*segmentation("{type: cross_entropy}", 3), maps.output, maps.target) +
                          0.5 * value_of(*segmentation("{type: dice}", 3), maps.output, maps.target);
  EXPECT_NEAR(value_of(*sum, maps.output, maps.target), expected, 1e-12);
}

TEST(DenseLosses, SumResolvesItsTerms) {
  const Node once = segmentation_losses().resolve(section("{type: sum, losses: [cross_entropy, {type: dice}]}"));
  EXPECT_THAT(write_yaml(once), HasSubstr("per_class: false"));
  EXPECT_EQ(write_yaml(segmentation_losses().resolve(once)), write_yaml(once));
  EXPECT_THAT(error_of([] { segmentation("{type: sum, losses: [cross_entropie]}", 2); }),
              HasSubstr("did you mean \"cross_entropy\""));
  EXPECT_THAT(error_of([] { segmentation("{type: sum, losses: [l1]}", 2); }), HasSubstr("unknown segmentation loss"));
  EXPECT_THAT(error_of([] { segmentation("{type: sum, losses: [dice], weights: [1, 2]}", 2); }),
              HasSubstr("2 weights for 1 losses"));
  EXPECT_THAT(error_of([] { segmentation("{type: sum, losses: []}", 2); }), HasSubstr("[cross_entropy, dice]"));
  EXPECT_THAT(error_of([] { segmentation("{type: sum, losses: dice}", 2); }), HasSubstr("[cross_entropy, dice]"));
  EXPECT_THAT(error_of([] { segmentation("{type: sum}", 2); }), HasSubstr("\"losses\" is missing"));
}

TEST(DenseLosses, BalancedWeightsReachTheTermsOfASum) {
  const Node loss = segmentation_losses().resolve(
      section("{type: sum, losses: [dice, {type: cross_entropy, class_weights: balanced}]}"));
  EXPECT_TRUE(asks_for_balanced_weights(loss));
  EXPECT_FALSE(asks_for_balanced_weights(section("{type: sum, losses: [dice, cross_entropy]}")));
  const auto made = segmentation_losses().create(with_balanced_weights(loss, {30, 10}), 2);
  const auto same =
      segmentation("{type: sum, losses: [dice, {type: cross_entropy, class_weights: [0.6666666666666666, 2]}]}", 2);
  EXPECT_NEAR(value_of(*made, logits_of(three_pixels()), their_classes()),
              value_of(*same, logits_of(three_pixels()), their_classes()), 1e-12);
}

TEST(DenseLosses, RefuseOutputsThatAreNoMaps) {
  const auto loss = segmentation("{type: dice}", 3);
  EXPECT_THAT(error_of([&] {
                loss->forward(at::randn({2, 3}), torch::zeros({2, 4, 4}, torch::kLong), {});
              }),
              HasSubstr("unet_decoder"));
  EXPECT_THAT(error_of([&] {
                loss->forward(at::randn({2, 3, 4, 5}), torch::zeros({2, 4, 4}, torch::kLong), {});
              }),
              HasSubstr("[2, 3, 4, 5]"));
}

}  // namespace
}  // namespace polytask
