#include <balancing/loss_support.h>
#include <gmock/gmock.h>

namespace polytask {
namespace {

using testing::HasSubstr;

TEST(Cosmos, AddsACosineToTheWeightedSum) {
  const auto balancer = make_balancer("{method: cosmos, weights: [3, 4], lambda: 2}", numbered_tasks(2));
  const LossState state = LossState::of({1, 0});  // cos = 0.6
  const Weights got = weigh(*balancer, state);
  EXPECT_NEAR(got.objective, 3 - 2 * 0.6, 1e-14);
  expect_close(got.w, {3, 4 - 2 * 0.8});
  expect_gradient_of_objective(*balancer, LossState::of({0.7, 2.5}));
}

TEST(Cosmos, IsTheWeightedSumWhereLambdaIsZeroOrTheLossesLieOnTheRay) {
  const auto sum = make_balancer("{method: cosmos, weights: [3, 4], lambda: 0}", numbered_tasks(2));
  EXPECT_EQ(weigh(*sum, {5, 1}).w, (std::vector<double>{3, 4}));
  const auto balancer = make_balancer("{method: cosmos, weights: [3, 4], lambda: 8}", numbered_tasks(2));
  expect_close(weigh(*balancer, {6, 8}).w, {3, 4});
  EXPECT_NEAR(weigh(*balancer, {6, 8}).objective, 50 - 8, 1e-12);
  const Weights behind = weigh(*balancer, {10, 8});  // the first is behind, so it gains
  EXPECT_GT(behind.w[0], 3);
  EXPECT_LT(behind.w[1], 4);
}

TEST(Cosmos, PrefersAllTasksAlikeByDefault) {
  const auto balancer = make_balancer("{method: cosmos}", numbered_tasks(4));
  expect_close(weigh(*balancer, {2, 2, 2, 2}).w, {0.25, 0.25, 0.25, 0.25});
}

TEST(Cosmos, AbsentTasksTakeNoPart) {
  const auto all = make_balancer("{method: cosmos, weights: [1, 2, 3]}", numbered_tasks(3));
  const auto two = make_balancer("{method: cosmos, weights: [1, 3]}", numbered_tasks(2));
  LossState state = LossState::of({0.3, std::nan(""), 1.7});
  state.present = {1, 0, 1};
  const Weights got = weigh(*all, state), expected = weigh(*two, {0.3, 1.7});
  EXPECT_EQ(got.w, (std::vector<double>{expected.w[0], 0, expected.w[1]}));
  EXPECT_EQ(got.objective, expected.objective);
  state.present = {0, 0, 0};
  EXPECT_EQ(weigh(*all, state).w, (std::vector<double>{0, 0, 0}));
}

TEST(Cosmos, OneTaskKeepsItsWeightWhateverItsLoss) {
  const auto balancer = make_balancer("{method: cosmos, weights: 2, lambda: 5}", numbered_tasks(1));
  for (double loss : {1e-30, 0.3, 7.0, 1e30, 0.0}) expect_close(weigh(*balancer, {loss}).w, {2});
}

TEST(Cosmos, ExtremeLossesStayFinite) {
  const auto balancer = make_balancer("{method: cosmos, weights: [1, 2]}", numbered_tasks(2));
  for (const auto& losses : std::vector<std::vector<double>>{{1e30, 1e-30}, {1e200, 1e200}, {1e-200, 1e-300}, {0, 0}})
    expect_finite(weigh(*balancer, losses));
  expect_close(weigh(*balancer, {0, 0}).w, {1, 2});
}

TEST(Cosmos, ErrorsNameTheOption) {
  const auto text = [](const std::string& options) {
    return message_of<InputError>([&] { make_balancer("{method: cosmos, " + options + "}", tasks_named({"a", "b"})); });
  };
  EXPECT_THAT(text("weights: [1, 2, 3]"), HasSubstr("balancing.weights: 3 values for 2 tasks (a, b)"));
  EXPECT_THAT(text("weights: [1, 0]"), HasSubstr("must be > 0"));
  EXPECT_THAT(text("lambda: -1"), HasSubstr("must be ≥ 0"));
}

}  // namespace
}  // namespace polytask
