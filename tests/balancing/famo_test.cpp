#include <balancing/loss_support.h>
#include <gmock/gmock.h>

#include <torch/optim/adam.h>
#include <torch/types.h>

namespace polytask {
namespace {

using testing::HasSubstr;

std::vector<double> to_vector(const at::Tensor& values) {
  const at::Tensor flat = values.detach().contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

std::vector<double> logits_of(Balancer& balancer) { return to_vector(balancer.method().state().at("logits")); }

Weights step(Balancer& balancer, const LossState& before, const LossState& after) {
  const Weights weights = weigh(balancer, before);
  balancer.method().after_step(after);
  return weights;
}

TEST(Famo, WeighsByShareOverLossAndSumsToOne) {
  const auto balancer = make_balancer("{method: famo, min_losses: [0, 1], epsilon: 0}", numbered_tasks(2));
  EXPECT_TRUE(balancer->method().needs().second_loss);
  const Weights got = weigh(*balancer, {2, 4});  // D = 2, 3
  expect_close(got.w, {0.6, 0.4});
  EXPECT_EQ(got.shown.at("z"), (std::vector<double>{0.5, 0.5}));
  EXPECT_NEAR(got.objective, (0.5 * std::log(2.0) + 0.5 * std::log(3.0)) / (0.25 + 0.5 / 3), 1e-14);
}

// The official loop, written with autograd and libtorch's Adam.
TEST(Famo, StepsTheLogitsAsAdamOnTheLogarithmicFalls) {
  struct Convention {
    std::string options;
    double weight_decay;
  };
  for (const auto& [options, decay] : std::vector<Convention>{{"", 0.01},
                                                              {", convention: official", 0.01},
                                                              {", convention: libmtl", 1e-3},
                                                              {", convention: torchjd", 1e-3},
                                                              {", convention: fairgrad", 1e-5},
                                                              {", convention: libmtl, weight_decay: 0.5", 0.5}}) {
    SCOPED_TRACE(options);
    const auto balancer = make_balancer("{method: famo, lr: 0.1" + options + "}", numbered_tasks(3));
    const at::Tensor w = torch::zeros({3}, torch::dtype(torch::kDouble).requires_grad(true));
    torch::optim::Adam optimizer({w}, torch::optim::AdamOptions(0.1).weight_decay(decay));
    Random random(5, "famo");
    for (int i = 0; i < 25; ++i) {
      const auto before = random_losses(random, 3), after = random_losses(random, 3);
      const at::Tensor d = torch::tensor(before, torch::kDouble) + 1e-8, z = at::softmax(w, 0).detach();
      const at::Tensor c = (z / d).sum();
      const Weights got = step(*balancer, LossState::of(before), LossState::of(after));
      expect_close(got.w, to_vector(z / (c * d)));
      EXPECT_NEAR(got.objective, ((z * d.log()).sum() / c).item<double>(), 1e-12 * std::abs(got.objective) + 1e-13);
      optimizer.zero_grad();
      const at::Tensor fall = d.log() - (torch::tensor(after, torch::kDouble) + 1e-8).log();
      at::softmax(w, 0).backward(fall);
      optimizer.step();
      expect_close(logits_of(*balancer), to_vector(w), 1e-11);
    }
  }
}

TEST(Famo, TheTaskThatFellLeastGains) {
  const auto balancer = make_balancer("{method: famo}", numbered_tasks(2));
  step(*balancer, LossState::of({1, 1}), LossState::of({0.5, 0.9}));
  EXPECT_LT(logits_of(*balancer)[0], 0);
  EXPECT_GT(logits_of(*balancer)[1], 0);
  EXPECT_GT(weigh(*balancer, {1, 1}).w[1], 0.5);
}

TEST(Famo, AbsentTasksTakeNoPartAndKeepTheirState) {
  const auto all = make_balancer("{method: famo}", numbered_tasks(3)),
             two = make_balancer("{method: famo}", numbered_tasks(2));
  Random random(6, "famo");
  for (int i = 0; i < 5; ++i) {
    const auto before = random_losses(random, 2), after = random_losses(random, 2);
    LossState first = LossState::of({before[0], std::nan(""), before[1]}),
              second = LossState::of({after[0], std::nan(""), after[1]});
    first.present = second.present = {1, 0, 1};
    const Weights got = step(*all, first, second), expected = step(*two, LossState::of(before), LossState::of(after));
    EXPECT_EQ(got.w, (std::vector<double>{expected.w[0], 0, expected.w[1]}));
    EXPECT_EQ(got.objective, expected.objective);
  }
  const auto logits = logits_of(*all);
  EXPECT_EQ(logits[1], 0);
  EXPECT_NE(logits[0], 0);
  EXPECT_EQ(all->method().state().at("steps")[1].item<double>(), 0);
  // Absent, or not finite, in the second look only: compared among the others.
  LossState after = LossState::of({1, 1, 1});
  after.present = {1, 0, 1};
  step(*all, LossState::of({2, 2, 3}), after);
  EXPECT_EQ(logits_of(*all)[1], 0);
  step(*all, LossState::of({2, 2, 3}), LossState::of({1, std::numeric_limits<double>::infinity(), 1}));
  EXPECT_EQ(logits_of(*all)[1], 0);
  for (double logit : logits_of(*all)) EXPECT_TRUE(std::isfinite(logit));
  LossState none = LossState::of({1, 1, 1});
  none.present = {0, 0, 0};
  const auto kept = logits_of(*all);
  EXPECT_EQ(step(*all, none, none).w, (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(logits_of(*all), kept);
}

TEST(Famo, OnlyAStepThatWasWeighedCounts) {
  const auto balancer = make_balancer("{method: famo}", numbered_tasks(2));
  balancer->evaluate(LossState::of({1, 1}));
  balancer->method().after_step(LossState::of({0.1, 1}));
  EXPECT_EQ(logits_of(*balancer), (std::vector<double>{0, 0}));
  step(*balancer, LossState::of({1, 1}), LossState::of({0.1, 1}));
  const auto once = logits_of(*balancer);
  balancer->method().after_step(LossState::of({0.1, 1}));
  EXPECT_EQ(logits_of(*balancer), once);
}

TEST(Famo, OneTaskWeighsOne) {
  const auto balancer = make_balancer("{method: famo}", numbered_tasks(1));
  for (double loss : {1e-30, 0.3, 7.0, 1e30, 0.0})
    expect_close(step(*balancer, LossState::of({loss}), LossState::of({loss / 2})).w, {1});
  EXPECT_EQ(logits_of(*balancer), (std::vector<double>{0}));
}

TEST(Famo, ExtremeLossesStayFinite) {
  const auto balancer = make_balancer("{method: famo, epsilon: 0}", numbered_tasks(2));
  for (int i = 0; i < 3; ++i)
    expect_finite(step(*balancer, LossState::of({1e30, 1e-30}), LossState::of({1e-300, 1e300})));
  expect_close(weigh(*balancer, {1e30, 1e-30}).w, {0, 1});
}

TEST(Famo, ResumesExactly) {
  expect_exact_resume("{method: famo, lr: 0.2}", 3, 12, [](Balancer& balancer, int number) {
    Random random(2, "step" + std::to_string(number));
    LossState before = LossState::of(random_losses(random, 3)), after = LossState::of(random_losses(random, 3));
    if (number % 3 == 1) before.present = after.present = {1, 0, 1};
    return step(balancer, before, after);
  });
}

TEST(Famo, ErrorsNameTheOptionOrTheTask) {
  const auto text = [](const std::string& options) {
    return message_of<InputError>([&] { make_balancer("{method: famo, " + options + "}", tasks_named({"a", "b"})); });
  };
  EXPECT_THAT(text("min_losses: [1, 2, 3]"), HasSubstr("balancing.min_losses: 3 values for 2 tasks (a, b)"));
  EXPECT_THAT(text("lr: -1"), HasSubstr("must be ≥ 0"));
  EXPECT_THAT(text("convention: libmlt"), HasSubstr("did you mean \"libmtl\"?"));
  const auto balancer = make_balancer("{method: famo, min_losses: 0.5}", tasks_named({"a", "b"}));
  EXPECT_THAT(message_of<WorkError>([&] {
                weigh(*balancer, {1, 0.25});
              }),
              HasSubstr("famo: the loss of task \"b\" is 0.25 in step 0, not above its lower bound 0.5"));
}

}  // namespace
}  // namespace polytask
