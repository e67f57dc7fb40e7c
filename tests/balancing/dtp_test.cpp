#include <balancing/loss_support.h>
#include <gmock/gmock.h>

namespace polytask {
namespace {

using testing::HasSubstr;

LossState with_kpis(std::vector<double> losses, std::vector<double> kpis) {
  LossState state = LossState::of(std::move(losses));
  state.kpis = std::move(kpis);
  return state;
}

TEST(Dtp, IsTheFocalWeightOfTheAveragedKpi) {
  const auto balancer = make_balancer("{method: dtp, alpha: 0.25, gamma: [2, 0.5]}", numbered_tasks(2));
  EXPECT_TRUE(balancer->method().needs().kpis);
  const Weights first = weigh(*balancer, with_kpis({3, 5}, {0.5, 0.19}));
  expect_close(first.w, {0.25 * std::log(2.0), -0.9 * std::log(0.19)});
  EXPECT_NEAR(first.objective, 3 * first.w[0] + 5 * first.w[1], 1e-13);
  EXPECT_EQ(first.shown.at("kpi"), (std::vector<double>{0.5, 0.19}));
  const Weights second = weigh(*balancer, with_kpis({3, 5}, {0.7, 0.99}));
  expect_close(second.shown.at("kpi"), {0.55, 0.39});
  expect_close(second.w, {-0.45 * 0.45 * std::log(0.55), -std::sqrt(0.61) * std::log(0.39)});
}

TEST(Dtp, HarderTasksWeighMore) {
  for (double gamma : {0.0, 1.0, 3.0}) {
    const auto balancer = make_balancer("{method: dtp, gamma: " + number_text(gamma) + "}", numbered_tasks(5));
    const auto w = weigh(*balancer, with_kpis({1, 1, 1, 1, 1}, {0, 0.1, 0.5, 0.9, 1})).w;
    for (size_t t = 0; t + 1 < w.size(); ++t) EXPECT_GT(w[t], w[t + 1]);
    EXPECT_GE(w.back(), 0);
  }
}

TEST(Dtp, KpisAreKeptAwayFromZeroAndOne) {
  const auto balancer = make_balancer("{method: dtp, alpha: 1, epsilon: 0.01, gamma: 1}", numbered_tasks(2));
  const Weights got = weigh(*balancer, with_kpis({1e30, 1e-30}, {0, 1}));
  expect_finite(got);
  expect_close(got.w, {-0.99 * std::log(0.01), -0.01 * std::log(0.99)});
  EXPECT_EQ(got.shown.at("kpi"), (std::vector<double>{0, 1}));  // what is averaged is not clamped
}

TEST(Dtp, AbsentTasksKeepTheirKpi) {
  const auto balancer = make_balancer("{method: dtp, alpha: 0.5}", numbered_tasks(2));
  LossState state = with_kpis({1, std::nan("")}, {0.5, std::nan("")});
  state.present = {1, 0};
  EXPECT_EQ(weigh(*balancer, state).w[1], 0);
  Weights got = weigh(*balancer, with_kpis({1, 1}, {0.5, 0.25}));  // the first of task 1
  expect_close(got.shown.at("kpi"), {0.5, 0.25});
  state.kpis = {0.9, 0.9};
  weigh(*balancer, state);
  got = balancer->evaluate(LossState::of({1, 1}));
  expect_close(got.shown.at("kpi"), {0.7, 0.25});
}

TEST(Dtp, EvaluationNeedsNoKpis) {
  const auto balancer = make_balancer("{method: dtp}", numbered_tasks(1));
  EXPECT_EQ(balancer->evaluate(LossState::of({3})).w, (std::vector<double>{1}));
  const auto w = weigh(*balancer, with_kpis({3}, {0.5})).w;
  expect_close(w, {0.5 * std::log(2.0)});
  EXPECT_EQ(balancer->evaluate(with_kpis({3}, {0.9})).w, w);
  EXPECT_EQ(balancer->evaluate(LossState::of({3})).w, w);
}

TEST(Dtp, ResumesExactly) {
  expect_exact_resume("{method: dtp, alpha: 0.3}", 3, 12, [](Balancer& balancer, int step) {
    Random random(2, "step" + std::to_string(step));
    LossState state = LossState::of(random_losses(random, 3));
    for (int t = 0; t < 3; ++t) state.kpis.push_back(random.uniform());
    if (step < 5) state.present = {1, static_cast<char>(step % 2), 0};
    return weigh(balancer, state);
  });
}

TEST(Dtp, ErrorsNameTheOptionOrTheTask) {
  const auto text = [](const std::string& options) {
    return message_of<InputError>([&] { make_balancer("{method: dtp, " + options + "}", tasks_named({"a", "b"})); });
  };
  EXPECT_THAT(text("gamma: [1, 2, 3]"), HasSubstr("balancing.gamma: 3 values for 2 tasks (a, b)"));
  EXPECT_THAT(text("gamma: -1"), HasSubstr("must be ≥ 0"));
  EXPECT_THAT(text("alpha: 0"), HasSubstr("alpha"));
  EXPECT_THAT(text("alpha: 1.5"), HasSubstr("alpha"));
  EXPECT_THAT(text("epsilon: 0"), HasSubstr("epsilon"));
  const auto balancer = make_balancer("{method: dtp}", tasks_named({"a", "b"}));
  EXPECT_THAT(message_of<WorkError>([&] { weigh(*balancer, {1, 1}); }), HasSubstr("needs a KPI for each of the 2"));
  for (double bad : {-0.1, 1.1, std::nan("")})
    EXPECT_THAT(message_of<WorkError>([&] {
                  weigh(*balancer, with_kpis({1, 1}, {0.5, bad}));
                }),
                HasSubstr("dtp: the KPI of task \"b\" is"));
}

}  // namespace
}  // namespace polytask
