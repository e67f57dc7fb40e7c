#include <polytask/balancing/gradnorm_second_order.h>

#include <balancing/gram_weighting_support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/types.h>

#include <cmath>
#include <string>
#include <vector>

namespace polytask {
namespace {

using testing::HasSubstr;

const Rows kRows = {{1, 2, 0}, {0.5, 0, 0}, {3, -1, 4}};
const std::vector<double> kFirst = {2, 4, 1}, kNow = {1, 3, 0.9};

std::vector<at::Tensor> learnables(GramWeighting& method, const std::string& kind, size_t tasks) {
  std::vector<at::Tensor> list;
  for (size_t t = 0; t < tasks; ++t) list.push_back(method.parameters().at(kind + ".t" + std::to_string(t)));
  return list;
}

/// The gradients that autograd gives for the loss of the norms, at learnables `s`.
std::vector<double> expected_gradients(const std::string& convention, double alpha, const std::vector<double>& s) {
  const at::Tensor leaf = torch::tensor(s, torch::dtype(torch::kDouble).requires_grad(true));
  std::vector<double> lengths;
  for (const auto& row : kRows) lengths.push_back(length_of(row));
  const double count = static_cast<double>(s.size());
  const at::Tensor w = convention == "libmtl"    ? count * torch::softmax(leaf, 0)
                       : convention == "samsung" ? leaf * count / leaf.sum()
                                                 : leaf * 1;
  const at::Tensor norms = w * torch::tensor(lengths, torch::kDouble);
  at::Tensor rate = torch::tensor(kNow, torch::kDouble) / torch::tensor(kFirst, torch::kDouble);
  rate = rate / rate.mean();
  const at::Tensor target = (norms.mean() * rate.pow(convention == "lucidrains" ? -alpha : alpha)).detach();
  const at::Tensor off = (norms - target).abs();
  (convention == "lucidrains" ? off.mean() : off.sum()).backward();
  return {leaf.grad().data_ptr<double>(), leaf.grad().data_ptr<double>() + s.size()};
}

TEST(GradNorm, LearnsByTheGradientOfTheLossOfTheNorms) {
  for (const std::string convention : {"paper", "brianlan", "libmtl", "samsung", "lucidrains"}) {
    SCOPED_TRACE(convention);
    GradNormOptions options;
    options.convention = convention;
    options.alpha = 0.7;
    options.initial = "first";
    GradNorm method(options);
    method.setup(numbered_tasks(3));
    method.weigh(GramState::of(kRows, kFirst), LossState::of(kFirst));
    const auto s = learnables(method, convention == "libmtl" ? "log_weight" : "weight", 3);
    const std::vector<double> values = {0.8, 1.5, 0.7};
    for (size_t t = 0; t < 3; ++t) {
      torch::NoGradGuard off;
      s[t].fill_(values[t]);
      s[t].mutable_grad() = at::Tensor();
    }
    LossState state = LossState::of(kNow);
    state.share = 0.5;
    const GramWeights got = method.weigh(GramState::of(kRows, kNow), state);
    const auto expected = expected_gradients(convention, 0.7, values);
    for (size_t t = 0; t < 3; ++t) EXPECT_NEAR(s[t].grad().item<double>(), 0.5 * expected[t], 1e-12) << t;
    if (convention == "libmtl")
      EXPECT_NEAR(got.w[0] + got.w[1] + got.w[2], 3, 1e-12);
    else
      EXPECT_EQ(got.w, values);
    EXPECT_EQ(got.heads.empty(), convention != "samsung");
    EXPECT_EQ(method.heads(), convention == "libmtl" ? HeadGradient::own : HeadGradient::weighted);
  }
}

void set_weights(GramWeighting& method, const std::vector<double>& values) {
  torch::NoGradGuard off;
  for (size_t t = 0; t < values.size(); ++t) method.parameters().at("weight.t" + std::to_string(t)).fill_(values[t]);
}

std::vector<double> weights_of(GramWeighting& method, size_t tasks) {
  std::vector<double> values;
  for (const auto& weight : learnables(method, "weight", tasks)) values.push_back(weight.item<double>());
  return values;
}

TEST(GradNorm, WeightsSumToTheTasksAfterEveryStep) {
  GramMethod paper("{method: gradnorm}", 3);
  paper.weigh(kRows, kFirst);
  set_weights(paper.weighting(), {1, 2, -0.1});
  paper.weighting().after_step(LossState::of(kFirst));
  const auto w = weights_of(paper.weighting(), 3);
  EXPECT_NEAR(w[0] + w[1] + w[2], 3, 1e-12);
  EXPECT_NEAR(w[1], 2, 1e-6);
  EXPECT_GT(w[2], 0);
  GramMethod samsung("{method: gradnorm, convention: samsung}", 3);
  samsung.weigh(kRows, kFirst);
  set_weights(samsung.weighting(), {1, 2, 0.5});
  samsung.weighting().after_step(LossState::of(kFirst));
  EXPECT_EQ(weights_of(samsung.weighting(), 3), (std::vector<double>{1, 2, 0.5}));
}

TEST(GradNorm, AbsentTasksKeepWeightAndInitialLoss) {
  GramMethod method("{method: gradnorm}", 3);
  method.weigh({kRows[0], kRows[2]}, {2, 1}, {0, 2}, 3);
  EXPECT_TRUE(std::isnan(method.weighting().state().at("initial_losses")[1].item<double>()));
  EXPECT_FALSE(method.weighting().parameters().at("weight.t1").grad().defined());
  set_weights(method.weighting(), {1.5, 1, 2.5});
  method.weighting().after_step(LossState::of({2, 0, 1}));
  EXPECT_EQ(weights_of(method.weighting(), 3), (std::vector<double>{0.75, 1, 1.25}));
  method.weigh(kRows, {9, 4, 9});  // its first loss is that of the step where it appears
  EXPECT_EQ(method.weighting().state().at("initial_losses")[0].item<double>(), 2);
  EXPECT_EQ(method.weighting().state().at("initial_losses")[1].item<double>(), 4);
}

TEST(GradNorm, LibMtlWeighsNothingInEpochZeroAndMeasuresByItsMean) {
  GramMethod method("{method: gradnorm, convention: libmtl}", 3);
  EXPECT_TRUE(method.weighting().needs().loss_history);
  EXPECT_EQ(method.weigh(kRows, kFirst).w, (std::vector<double>{1, 1, 1}));
  EXPECT_FALSE(method.weighting().parameters().at("log_weight.t0").grad().defined());
  LossState state = LossState::of(kNow);
  state.epoch = 1;
  state.epoch_losses = {{1, 3, 0.3}};
  const auto rate = method.weighting().weigh(GramState::of(kRows, kNow), state).shown.at("rate");
  expect_same(rate, {0.6, 0.6, 1.8}, 1e-12);
}

TEST(GradNorm, ItsScopeIsTheConventions) {
  EXPECT_EQ(GradNorm::default_scope("paper"), (std::vector<std::string>{"last_shared_layer"}));
  EXPECT_EQ(GradNorm::default_scope("libmtl"), (std::vector<std::string>{"shared"}));
}

// Encoder tanh(X Wᵀ), heads y_t = h v_t; the step against autograd on the whole objective.
class SecondOrder : public testing::Test {
 protected:
  SecondOrder() {
    torch::manual_seed(3);
    const auto options = torch::dtype(torch::kDouble);
    x_ = torch::randn({5, 4}, options);
    parameters_ = {{"encoder.weight", torch::randn({3, 4}, options).set_requires_grad(true), Role::shared, -1},
                   {"encoder.bias", torch::randn({3}, options).set_requires_grad(true), Role::shared, -1}};
    for (int64_t t = 0; t < 2; ++t)
      parameters_.push_back(
          {"heads." + std::to_string(t), torch::randn({3}, options).set_requires_grad(true), Role::task, t});
  }
  std::vector<at::Tensor> losses() const {
    const at::Tensor h = torch::tanh(torch::matmul(x_, parameters_[0].tensor.t()) + parameters_[1].tensor);
    return {torch::matmul(h, parameters_[2].tensor).square().mean(),
            (torch::matmul(h, parameters_[3].tensor) - 1).abs().mean()};
  }
  at::Tensor x_;
  std::vector<ModelParameter> parameters_;
};

TEST_F(SecondOrder, TheLossOfTheNormsActsOnTheNetwork) {
  const auto balancer = make_balancer("{method: gradnorm, convention: lucidrains, alpha: 0.5}", numbered_tasks(2));
  balancer->prepare({parameters_, "encoder"});
  const auto given = losses();
  LossState state = LossState::of({given[0].item<double>(), given[1].item<double>()});
  state.share = 0.5;
  const Weights got = balancer->backward({given, parameters_}, state);
  EXPECT_EQ(got.w, (std::vector<double>{1, 1}));

  std::vector<at::Tensor> inputs, norms;
  for (const auto& parameter : parameters_) inputs.push_back(parameter.tensor);
  const auto again = losses();
  for (const auto& loss : again) norms.push_back(torch::autograd::grad({loss}, {inputs[0]}, {}, true, true)[0].norm());
  const at::Tensor both = torch::stack(norms);
  const at::Tensor total = again[0] + again[1] + (both - both.mean().detach()).abs().mean();
  const auto expected = torch::autograd::grad({0.5 * total}, inputs);
  for (size_t i = 0; i < inputs.size(); ++i)
    EXPECT_TRUE(torch::allclose(inputs[i].grad(), expected[i], 1e-10, 1e-12)) << parameters_[i].name;
}

TEST_F(SecondOrder, RefusesWhatItCanNotDo) {
  const auto text = [&](const std::string& more) {
    return message_of<InputError>([&] {
      make_balancer("{method: gradnorm, convention: lucidrains, " + more + "}", numbered_tasks(2))
          ->prepare({parameters_, "encoder"});
    });
  };
  EXPECT_THAT(text("heads: own"), HasSubstr("balancing.heads"));
  EXPECT_THAT(text("every: 2"), HasSubstr("balancing.every"));
  EXPECT_THAT(text("gram: outputs"), HasSubstr("balancing.gram"));
  EXPECT_THAT(text("scope: [representation]"), HasSubstr("balancing.scope"));
  EXPECT_THAT(text("scope: [encoder.bias]"), HasSubstr("no trained weight of two dimensions"));
}

}  // namespace
}  // namespace polytask
