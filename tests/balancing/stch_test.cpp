#include <balancing/loss_support.h>
#include <gmock/gmock.h>

#include <algorithm>

namespace polytask {
namespace {

using testing::HasSubstr;

LossState in_epoch(int64_t epoch, std::vector<double> losses) {
  LossState state = LossState::of(std::move(losses));
  state.epoch = epoch;
  return state;
}

TEST(Stch, PlainIsTheSmoothMaximumOfTheScaledLosses) {
  const auto balancer = make_balancer(
      "{method: stch, convention: torchjd, mu: 0.5, weights: [1, 2, 0.5], reference: [0, 1, 0.25]}", numbered_tasks(3));
  const LossState state = LossState::of({1.5, 1.25, 4});
  const double a = std::exp(3.0), b = std::exp(1.0), c = std::exp(3.75);
  const Weights got = weigh(*balancer, state);
  expect_close(got.w, {a / (a + b + c), 2 * b / (a + b + c), 0.5 * c / (a + b + c)});
  EXPECT_NEAR(got.objective, 0.5 * std::log(a + b + c), 1e-13);
  expect_gradient_of_objective(*balancer, state);
  EXPECT_TRUE(balancer->method().state().empty());
}

TEST(Stch, PlainWeighsOneOverTheTasksPresentByDefault) {
  const auto balancer = make_balancer("{method: stch, form: plain}", numbered_tasks(3));
  LossState state = LossState::of({2, std::nan(""), 2});
  expect_close(weigh(*balancer, LossState::of({2, 2, 2})).w, {1.0 / 9, 1.0 / 9, 1.0 / 9});
  state.present = {1, 0, 1};
  expect_close(weigh(*balancer, state).w, {0.25, 0, 0.25});
  state.present = {0, 0, 0};
  const Weights none = weigh(*balancer, state);
  EXPECT_EQ(none.w, (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(none.objective, 0);
}

TEST(Stch, ALowMuIsTheWorstTaskAlone) {
  const auto balancer = make_balancer("{method: stch, form: plain, mu: 1e-12}", numbered_tasks(3));
  const Weights got = weigh(*balancer, LossState::of({1e30, 1e-30, 2e30}));
  expect_close(got.w, {0, 0, 1.0 / 3});
  EXPECT_NEAR(got.objective / 2e30, 1.0 / 3, 1e-12);
}

TEST(Stch, NadirWarmsUpOnLogarithmsThenGoesByTheMeansOfItsEpoch) {
  const auto balancer = make_balancer("{method: stch, mu: 0.5, warmup: 1}", numbered_tasks(2));
  expect_close(weigh(*balancer, in_epoch(0, {4, 0.5})).w, {0.25, 2});
  const Weights first = weigh(*balancer, in_epoch(1, {2, 1}));
  expect_close(first.w, {0.5, 1});
  EXPECT_NEAR(first.objective, std::log(2.0), 1e-14);
  weigh(*balancer, in_epoch(1, {4, 3}));  // nadir 3, 2
  LossState state = in_epoch(2, {6, 2});
  const double a = std::pow(2.0, 2), b = 1;  // exp(ℓ/μ)
  const Weights got = weigh(*balancer, state);
  expect_close(got.w, {2 * a / (a + b) / 6, 2 * b / (a + b) / 2});
  EXPECT_NEAR(got.objective, 2 * 0.5 * std::log(a + b), 1e-14);
  EXPECT_EQ(got.shown.at("nadir"), (std::vector<double>{3, 2}));
  expect_gradient_of_objective(*balancer, state);
  state.epoch = 9;
  EXPECT_EQ(weigh(*balancer, state).w, got.w);  // later losses do not move it
}

TEST(Stch, EvaluationCountsForNothing) {
  const auto balancer = make_balancer("{method: stch, warmup: 0}", numbered_tasks(2));
  weigh(*balancer, in_epoch(0, {3, 2}));
  balancer->evaluate(in_epoch(0, {300, 1}));
  EXPECT_EQ(weigh(*balancer, in_epoch(1, {6, 2})).shown.at("nadir"), (std::vector<double>{3, 2}));
}

TEST(Stch, AbsentTasksLeaveTheirNadirAndLateOnesTakeTheirFirstLoss) {
  const auto balancer = make_balancer("{method: stch, warmup: 0}", numbered_tasks(3));
  LossState state = in_epoch(0, {1, 4, std::nan("")});
  state.present = {1, 1, 0};
  weigh(*balancer, state);
  state.losses = {3, 5, 5};
  state.present = {1, 0, 0};
  expect_close(weigh(*balancer, state).w, {1.0 / 3, 0, 0});
  state = in_epoch(1, {2, 4, std::nan("")});
  state.present = {1, 1, 0};
  expect_close(weigh(*balancer, state).w, {1.0 / 2, 1.0 / 4, 0});
  EXPECT_EQ(weigh(*balancer, state).shown.at("nadir"), (std::vector<double>{2, 4, 0}));
  state = in_epoch(1, {2, 4, 10});
  expect_close(balancer->evaluate(state).w, {0.5, 0.25, 0.1});  // not known yet: the loss itself
  EXPECT_EQ(weigh(*balancer, state).shown.at("nadir"), (std::vector<double>{2, 4, 10}));
  state.losses[2] = 20;
  EXPECT_EQ(weigh(*balancer, state).shown.at("nadir"), (std::vector<double>{2, 4, 10}));
}

TEST(Stch, OneTaskMinimisesItsLogarithm) {
  const auto balancer = make_balancer("{method: stch, warmup: 0}", numbered_tasks(1));
  for (int64_t epoch = 0; epoch < 3; ++epoch) expect_close(weigh(*balancer, in_epoch(epoch, {4})).w, {0.25});
  expect_close(weigh(*make_balancer("{method: stch, form: plain}", numbered_tasks(1)), {4}).w, {1});
}

TEST(Stch, ExtremeLossesStayFinite) {
  const auto balancer = make_balancer("{method: stch, warmup: 0, mu: 0.01}", numbered_tasks(2));
  weigh(*balancer, in_epoch(0, {1e30, 1e-30}));
  const Weights got = weigh(*balancer, in_epoch(1, {1e-30, 1e30}));
  expect_finite(got);
  expect_close({got.w[1] * 1e30}, {2});
  expect_finite(weigh(*balancer, in_epoch(2, {0, 1})));  // ε admits it
}

TEST(Stch, ResumesExactly) {
  expect_exact_resume("{method: stch, warmup: 1}", 3, 12, [](Balancer& balancer, int step) {
    Random random(2, "step" + std::to_string(step));
    LossState state = in_epoch(step / 4, random_losses(random, 3));
    if (step < 9) state.present = {1, static_cast<char>(step % 2), 0};
    return weigh(balancer, state);
  });
}

TEST(Stch, ErrorsNameTheOptionOrTheTask) {
  const auto text = [](const std::string& options) {
    return message_of<InputError>([&] { make_balancer("{method: stch, " + options + "}", tasks_named({"a", "b"})); });
  };
  EXPECT_THAT(text("weights: [1, 2]"), HasSubstr("balancing.weights: it means something in the form plain only"));
  EXPECT_THAT(text("reference: 1"), HasSubstr("balancing.reference: it means something in the form plain only"));
  EXPECT_THAT(text("form: plain, warmup: 2"), HasSubstr("balancing.warmup: it means something in the form nadir only"));
  EXPECT_THAT(text("form: plain, epsilon: 2"), HasSubstr("balancing.epsilon"));
  EXPECT_THAT(text("form: plain, weights: [1, 2, 3]"), HasSubstr("balancing.weights: 3 values for 2 tasks (a, b)"));
  EXPECT_THAT(text("form: plain, weights: [0, 0]"), HasSubstr("every weight is 0"));
  EXPECT_THAT(text("mu: 0"), HasSubstr("must be > 0"));
  const auto balancer = make_balancer("{method: stch, warmup: 0}", tasks_named({"a", "b"}));
  EXPECT_THAT(message_of<WorkError>([&] {
                weigh(*balancer, in_epoch(0, {1, -1}));
              }),
              HasSubstr("stch: the loss of task \"b\""));
  weigh(*balancer, in_epoch(0, {1, 1}));
  EXPECT_THAT(message_of<WorkError>([&] {
                weigh(*balancer, in_epoch(1, {1, -1}));
              }),
              HasSubstr("stch: the loss of task \"b\" is -1"));
}

}  // namespace
}  // namespace polytask
