#include <balancing/loss_support.h>
#include <gmock/gmock.h>

namespace polytask {
namespace {

using testing::HasSubstr;

TEST(Pbi, IsProgressAlongTheRayAndThetaTimesTheDistanceFromIt) {
  const auto balancer =
      make_balancer("{method: pbi, weights: [3, 4], reference: [1, 2], theta: 0.5}", numbered_tasks(2));
  const LossState state = LossState::of({6, 2});  // f = (5, 0), d1 = 3, off = (3.2, -2.4), d2 = 4
  const Weights got = weigh(*balancer, state);
  EXPECT_NEAR(got.objective, 3 + 0.5 * 4, 1e-12);
  expect_close(got.w, {0.6 + 0.5 * 0.8, 0.8 - 0.5 * 0.6});
  expect_gradient_of_objective(*balancer, state);
}

TEST(Pbi, OnTheRayTheWeightsAreItsDirection) {
  const auto balancer = make_balancer("{method: pbi}", numbered_tasks(4));
  expect_close(weigh(*balancer, {3, 3, 3, 3}).w, {0.5, 0.5, 0.5, 0.5});
  const auto free = make_balancer("{method: pbi, theta: 0}", numbered_tasks(4));
  expect_close(weigh(*free, {3, 1, 7, 3}).w, {0.5, 0.5, 0.5, 0.5});
  const auto held = weigh(*balancer, {0.1, 5, 5, 5});
  EXPECT_LT(held.w[0], 0);  // far ahead
}

TEST(Pbi, AbsentTasksTakeNoPart) {
  const auto all = make_balancer("{method: pbi, weights: [1, 2, 3], reference: [0.1, 0, 0.2]}", numbered_tasks(3));
  const auto two = make_balancer("{method: pbi, weights: [1, 3], reference: [0.1, 0.2]}", numbered_tasks(2));
  LossState state = LossState::of({0.3, std::nan(""), 1.7});
  state.present = {1, 0, 1};
  const Weights got = weigh(*all, state), expected = weigh(*two, {0.3, 1.7});
  EXPECT_EQ(got.w, (std::vector<double>{expected.w[0], 0, expected.w[1]}));
  EXPECT_EQ(got.objective, expected.objective);
  state.present = {0, 0, 0};
  EXPECT_EQ(weigh(*all, state).w, (std::vector<double>{0, 0, 0}));
}

TEST(Pbi, OneTaskWeighsOne) {
  const auto balancer = make_balancer("{method: pbi, weights: 3}", numbered_tasks(1));
  for (double loss : {1e-30, 0.3, 7.0, 1e30, 0.0}) expect_close(weigh(*balancer, {loss}).w, {1});
}

TEST(Pbi, ExtremeLossesStayFinite) {
  const auto balancer = make_balancer("{method: pbi, weights: [1, 2]}", numbered_tasks(2));
  for (const auto& losses : std::vector<std::vector<double>>{{1e30, 1e-30}, {1e200, 1e200}, {1e-200, 1e-300}, {0, 0}})
    expect_finite(weigh(*balancer, losses));
}

TEST(Pbi, ErrorsNameTheOption) {
  const auto text = [](const std::string& options) {
    return message_of<InputError>([&] { make_balancer("{method: pbi, " + options + "}", tasks_named({"a", "b"})); });
  };
  EXPECT_THAT(text("weights: [1, 2, 3]"), HasSubstr("balancing.weights: 3 values for 2 tasks (a, b)"));
  EXPECT_THAT(text("reference: [1, 2, 3]"), HasSubstr("balancing.reference: 3 values for 2 tasks (a, b)"));
  EXPECT_THAT(text("reference: [1, .inf]"), HasSubstr("balancing.reference: .inf is not finite"));
  EXPECT_THAT(text("weights: [1, 0]"), HasSubstr("must be > 0"));
  EXPECT_THAT(text("theta: -1"), HasSubstr("must be ≥ 0"));
}

}  // namespace
}  // namespace polytask
