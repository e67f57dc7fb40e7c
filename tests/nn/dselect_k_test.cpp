#include "expert_support.h"

#include <polytask/nn/sharing/dselect_k.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

const std::string kBackbone = "backbone: {type: mlp, hidden: [5], activation: tanh}}";

TEST(SmoothStep, IsTheCubicOfItsWidth) {
  const at::Tensor t = at::tensor({-2.0, -0.5, -0.25, 0.0, 0.25, 0.5, 7.0}, at::kDouble);
  // −2/64·… by hand: t = 0.25: −2·0.015625 + 0.375 + 0.5 = 0.84375
  EXPECT_TRUE(at::allclose(smooth_step(t, 1), at::tensor({0.0, 0.0, 0.15625, 0.5, 0.84375, 1.0, 1.0}, at::kDouble)));
  // γ = 4: −2·t³/64 + 3t/8 + 1/2
  EXPECT_TRUE(at::allclose(smooth_step(at::tensor({-2.0, 1.0, 1.9}, at::kDouble), 4),
                           at::tensor({0.0, 0.84375, 0.99815625}, at::kDouble), 0, 1e-4));
}

TEST(SelectorProbabilities, NumberExpertsMostSignificantBitFirst) {
  const at::Tensor steps = at::tensor({0.9, 0.2}, at::kDouble).view({1, 1, 2});
  EXPECT_TRUE(at::allclose(selector_probabilities(steps, 4).view(-1),
                           at::tensor({0.1 * 0.8, 0.1 * 0.2, 0.9 * 0.8, 0.9 * 0.2}, at::kDouble)));
  EXPECT_TRUE(at::allclose(selector_probabilities(steps, 3).view(-1),
                           at::tensor({0.1 * 0.8, 0.1 * 0.2, 0.9 * 0.8}, at::kDouble)));
  EXPECT_EQ(code_length(2), 1);
  EXPECT_EQ(code_length(4), 2);
  EXPECT_EQ(code_length(5), 3);
}

TEST(SelectorProbabilities, SumToOneForPowersOfTwo) {
  const at::Tensor steps = at::rand({3, 2, 3}, at::kDouble);
  EXPECT_TRUE(at::allclose(selector_probabilities(steps, 8).sum(-1), at::ones({3, 2}, at::kDouble)));
  const at::Tensor five = selector_probabilities(steps, 5).sum(-1);
  // What is missing lies on the numbers 5, 6, 7: first bit 1 and not both others 0.
  const at::Tensor missing = steps.select(2, 0) * (1 - (1 - steps.select(2, 1)) * (1 - steps.select(2, 2)));
  EXPECT_TRUE(at::allclose(five, 1 - missing));
}

TEST(SelectorGate, WeightsAreSelectorsMixed) {
  SelectorGate gate(4, 4, 2, 1);
  gate.to(at::kDouble);
  const at::Tensor x = 20 * at::randn({5, 4}, at::kDouble);
  const Selection s = gate.forward(x);
  EXPECT_EQ(s.selectors.sizes(), (std::vector<int64_t>{5, 2, 4}));
  EXPECT_TRUE(at::allclose(s.weights.sum(1), at::ones({5}, at::kDouble)));
  const auto parameters = gate.named_parameters();
  const at::Tensor mixture = at::softmax(x.matmul(parameters["mixing.weight"].t()) + parameters["mixing.bias"], 1);
  EXPECT_TRUE(at::allclose(s.weights, (mixture.unsqueeze(2) * s.selectors).sum(1)));
}

TEST(SelectorGate, GammaIsOfTheStepAndOfTheStart) {
  SelectorGate narrow(3, 4, 2, 0.5), wide(3, 4, 2, 50);
  for (auto* gate : {&narrow, &wide}) {
    const torch::NoGradGuard no_grad;
    gate->named_parameters()["codes.weight"].fill_(0.3);
    gate->named_parameters()["codes.bias"].fill_(0.0);
  }
  const at::Tensor x = at::ones({1, 3});  // every logit is 0.9
  EXPECT_TRUE(at::equal(narrow.forward(x).selectors[0][0], at::tensor({0.f, 0.f, 0.f, 1.f})));
  EXPECT_NEAR(wide.forward(x).selectors[0][0][3].item<double>(), std::pow(0.5 + 1.5 * 0.9 / 50, 2), 1e-4);
  const auto start = SelectorGate(30, 4, 2, 50).named_parameters();
  const double largest = start["codes.weight"].abs().max().item<double>();
  EXPECT_LE(largest, 0.5);
  EXPECT_GT(largest, 0.4);
  EXPECT_LE(start["mixing.weight"].abs().max().item<double>(), 0.05);
}

TEST(SelectorTerms, ByHand) {
  const at::Tensor selectors = at::tensor({0.5, 0.25, 0.25, 1.0, 0.0, 0.0}, at::kDouble).view({1, 2, 3});
  EXPECT_NEAR(selector_entropy(selectors).item<double>(), 0.5 * std::log(2) + 0.5 * std::log(4), 1e-5);
  EXPECT_NEAR(unreachable_excess(selectors).item<double>(), 0, 1e-15);
  const at::Tensor leaking = at::tensor({0.3, 0.2, 0.0, 0.0, 0.0, 0.0}, at::kDouble).view({1, 2, 3});
  EXPECT_NEAR(unreachable_excess(leaking).item<double>(), (1.1 / 0.6 - 1) + (1.1 / 0.1 - 1), 1e-12);
}

TEST(DSelectK, KnowsWhoseEachParameterIs) {
  const auto model = model_of("{sharing: dselect_k, experts: 3, " + kBackbone, 2);
  const auto roles = roles_of(*model);
  EXPECT_THAT(roles, Contains("shared_experts.2.hidden.0.fc.weight shared -1"));
  EXPECT_THAT(roles, Contains("gates.a.codes.weight task 0"));
  EXPECT_THAT(roles, Contains("gates.b.mixing.bias task 1"));
  expect_all_parameters_listed(*model);
}

TEST(DSelectK, SettledSelectorsGiveTheirExperts) {
  const auto model = model_of("{sharing: dselect_k, experts: 4, selectors: 1, " + kBackbone, 2);
  const NamedTensors s = model->state();
  {
    const torch::NoGradGuard no_grad;
    s.at("gates.a.codes.weight").zero_();
    s.at("gates.a.codes.bias").copy_(at::tensor({3.f, -3.f}));  // 10: expert 2
  }
  const at::Tensor x = at::randn({3, 4});
  const at::Tensor expected =
      at::tanh(x.matmul(s.at("shared_experts.2.hidden.0.fc.weight").t()) + s.at("shared_experts.2.hidden.0.fc.bias"));
  EXPECT_TRUE(at::allclose(model->represent({{"x", x}})[0].back(), expected, 1e-5, 1e-6));
}

TEST(DSelectK, PenaltyIsOfTheTasksThatWereDecoded) {
  const auto model = model_of("{sharing: dselect_k, experts: 3, entropy: 0.25, reachability: 0.5, " + kBackbone, 3);
  auto& selecting = dynamic_cast<DSelectK&>(*model);
  const NamedTensors inputs = {{"x", 30 * at::randn({6, 4})}};
  const auto features = model->represent(inputs);
  for (int64_t t : {0, 2}) model->decode(t, features[static_cast<size_t>(t)], inputs);
  const at::Tensor penalty = model->penalty();
  double expected = 0;
  for (int64_t t : {0, 2}) {
    const at::Tensor r = selecting.select(t, inputs.at("x")).selectors;
    expected += (0.25 * selector_entropy(r) + 0.5 * unreachable_excess(r)).item<double>();
  }
  EXPECT_NEAR(penalty.item<double>(), expected, 1e-5);
  penalty.backward();
  for (const auto& p : model->model_parameters()) {
    const bool reached = p.name == "gates.a.codes.weight" || p.name == "gates.a.codes.bias" ||
                         p.name == "gates.c.codes.weight" || p.name == "gates.c.codes.bias";
    EXPECT_EQ(p.tensor.grad().defined(), reached) << p.name;
  }
  EXPECT_FALSE(model->penalty().defined()) << "each represent() once";
}

TEST(DSelectK, HasNoPenaltyWhereNothingAsksForOne) {
  const NamedTensors inputs = {{"x", at::randn({6, 4})}};
  for (const char* options : {"experts: 4", "experts: 3, reachability: 0"}) {
    const auto model = model_of(fmt::format("{{sharing: dselect_k, {}, {}", options, kBackbone), 2);
    model->forward(inputs);
    EXPECT_FALSE(model->penalty().defined()) << options;
  }
  const auto model = model_of("{sharing: dselect_k, experts: 3, entropy: 1, " + kBackbone, 2);
  model->eval();
  model->forward(inputs);
  EXPECT_FALSE(model->penalty().defined());
}

// Number 3 of three experts: no expert bears it.
TEST(DSelectK, SelectorsOnNumbersWithoutExpertStayFinite) {
  const auto model = model_of("{sharing: dselect_k, experts: 3, entropy: 1, " + kBackbone, 2);
  {
    const torch::NoGradGuard no_grad;
    const NamedTensors s = model->state();
    s.at("gates.a.codes.weight").zero_();
    s.at("gates.a.codes.bias").fill_(9);
  }
  const at::Tensor x = at::randn({4, 4});
  const at::Tensor loss = factored_loss(*model, x);
  EXPECT_TRUE(std::isfinite(loss.item<double>()));
  loss.backward();
  for (const auto& p : model->model_parameters())
    EXPECT_TRUE(at::isfinite(p.tensor.grad()).all().item<bool>()) << p.name;
}

// Just before it settles there, the term draws it back.
TEST(DSelectK, TheReachabilityTermDrawsSelectorsBack) {
  const auto model = model_of("{sharing: dselect_k, experts: 3, selectors: 1, reachability: 1, " + kBackbone, 1);
  const NamedTensors s = model->state();
  {
    const torch::NoGradGuard no_grad;
    s.at("gates.a.codes.weight").zero_();
    s.at("gates.a.codes.bias").fill_(0.45);
  }
  const NamedTensors inputs = {{"x", at::randn({4, 4})}};
  model->forward(inputs);
  model->penalty().backward();
  EXPECT_TRUE((s.at("gates.a.codes.bias").grad() > 0).all().item<bool>());
}

TEST(DSelectK, RefusesNumbersThatCanNotBe) {
  EXPECT_THAT(input_error([] { model_of("{sharing: dselect_k, experts: 2, selectors: 3, " + kBackbone, 2); }),
              AllOf(HasSubstr("model.selectors"), HasSubstr("3 selectors for 2 experts")));
  EXPECT_THAT(input_error([] { model_of("{sharing: dselect_k, experts: 1, " + kBackbone, 2); }), HasSubstr("≥ 2"));
  EXPECT_THAT(input_error([] { model_of("{sharing: dselect_k, gamma: 0, " + kBackbone, 2); }), HasSubstr("> 0"));
}

}  // namespace
}  // namespace polytask
