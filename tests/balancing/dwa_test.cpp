#include <balancing/loss_support.h>
#include <gmock/gmock.h>

#include <limits>

namespace polytask {
namespace {

using testing::HasSubstr;

const double kNan = std::numeric_limits<double>::quiet_NaN();

LossState after_epochs(std::vector<std::vector<double>> means) {
  LossState state = LossState::of(means.empty() ? std::vector<double>{1.0, 2.0} : means.front());
  state.epoch = static_cast<int64_t>(means.size());
  state.epoch_losses = std::move(means);
  return state;
}

TEST(Dwa, IsTheSoftmaxOfTheRatiosOfTheLastTwoEpochs) {
  const auto balancer = make_balancer("{method: dwa, tau: 0.5}", numbered_tasks(2));
  EXPECT_TRUE(balancer->method().needs().loss_history);
  EXPECT_EQ(weigh(*balancer, after_epochs({})).w, (std::vector<double>{1, 1}));
  EXPECT_EQ(weigh(*balancer, after_epochs({{3, 4}})).w, (std::vector<double>{1, 1}));
  LossState state = after_epochs({{9, 1}, {2, 4}, {1, 3}});
  state.losses = {5, 7};
  const double a = std::exp(0.5 / 0.5), b = std::exp(0.75 / 0.5);
  const Weights got = weigh(*balancer, state);
  expect_close(got.w, {2 * a / (a + b), 2 * b / (a + b)});
  EXPECT_NEAR(got.objective, 5 * got.w[0] + 7 * got.w[1], 1e-13);
  EXPECT_EQ(got.shown.at("lambda"), got.w);
  const auto mean = make_balancer("{method: dwa, tau: 0.5, normalize: mean}", numbered_tasks(2));
  expect_close(weigh(*mean, state).w, {a / (a + b), b / (a + b)});
}

TEST(Dwa, TasksWithoutARatioWeighOneAndTheSumStays) {
  const auto balancer = make_balancer("{method: dwa}", numbered_tasks(4));
  LossState state = after_epochs({{1, 1, kNan, 0}, {2, 1, 1, 1}});
  Weights got = weigh(*balancer, state);
  const double a = std::exp(1.0), b = std::exp(0.5);
  expect_close(got.w, {2 * a / (a + b), 2 * b / (a + b), 1, 1});
  state.present = {0, 1, 1, 0};
  got = weigh(*balancer, state);
  EXPECT_EQ(got.w, (std::vector<double>{0, 1, 1, 0}));
  state.present = {0, 0, 0, 0};
  EXPECT_EQ(weigh(*balancer, state).w, (std::vector<double>{0, 0, 0, 0}));
  state.epoch_losses.back() = {1e300};  // of another number of tasks: nothing is known of the others
  state.present = {1, 1, 1, 1};
  EXPECT_EQ(weigh(*balancer, state).w, (std::vector<double>{1, 1, 1, 1}));
}

TEST(Dwa, ExtremeRatiosStayFinite) {
  const auto balancer = make_balancer("{method: dwa}", numbered_tasks(2));
  const Weights got = weigh(*balancer, after_epochs({{1e-30, 1e30}, {1e30, 1e-30}}));
  expect_close(got.w, {2, 0});
  expect_finite(weigh(*balancer, after_epochs({{1e-300, 1}, {1e300, 1}})));
}

TEST(Dwa, TorchjdTakesPlainMeansOfBatches) {
  const auto balancer = make_balancer("{method: dwa, convention: torchjd, tau: 1}", numbered_tasks(2));
  EXPECT_FALSE(balancer->method().needs().loss_history);
  const auto batch = [&](int64_t epoch, std::vector<double> losses, std::vector<char> present) {
    LossState state = LossState::of(std::move(losses));
    state.epoch = epoch;
    state.present = std::move(present);
    return weigh(*balancer, state);
  };
  batch(0, {1, 2}, {1, 1});
  batch(0, {3, 1e9}, {1, 0});  // means 2 and 2
  EXPECT_EQ(batch(1, {1, 3}, {1, 1}).w, (std::vector<double>{1, 1}));
  EXPECT_EQ(batch(1, {1, 3}, {1, 1}).w, (std::vector<double>{1, 1}));  // means 1 and 3
  const double a = std::exp(0.5), b = std::exp(1.5);
  LossState state = LossState::of({7, 7});
  state.epoch = 2;
  expect_close(balancer->evaluate(state).w, {2 * a / (a + b), 2 * b / (a + b)});
  expect_close(batch(2, {7, 7}, {1, 1}).w, {2 * a / (a + b), 2 * b / (a + b)});
  expect_close(batch(2, {7, 7}, {1, 0}).w, {1, 0});
  EXPECT_EQ(batch(4, {7, 7}, {1, 1}).w, (std::vector<double>{1, 1}));  // epoch 3 had no batch
  EXPECT_EQ(batch(0, {7, 7}, {1, 1}).w, (std::vector<double>{1, 1}));  // and another run begins
}

TEST(Dwa, NashComparesTheLastTwoWindowsOfBatches) {
  const auto balancer = make_balancer("{method: dwa, convention: nash, window: 2}", numbered_tasks(2));
  const std::vector<std::vector<double>> sequence = {{4, 8}, {2, 8}, {3, 8}, {1, 4}, {1, 4}};
  for (size_t i = 0; i < 3; ++i) expect_close(weigh(*balancer, sequence[i]).w, {0.5, 0.5});
  const Weights fourth = weigh(*balancer, sequence[3]);  // buffer 4 2 | 3 1 and 8 8 | 8 4
  const double a = std::exp(4.0 / 6 / 2), b = std::exp(12.0 / 16 / 2);
  expect_close(fourth.w, {a / (a + b), b / (a + b)});
  expect_close(fourth.shown.at("lambda"), {2 * a / (a + b), 2 * b / (a + b)});
  const Weights looked = balancer->evaluate(LossState::of({100, 1}));
  EXPECT_EQ(looked.w, fourth.w);
  const double c = std::exp(2.0 / 5 / 2), d = std::exp(8.0 / 16 / 2);
  expect_close(weigh(*balancer, sequence[4]).w, {c / (c + d), d / (c + d)});
}

TEST(Dwa, TheWindowStartsAsOnes) {
  const auto balancer = make_balancer("{method: dwa, convention: samsung, window: 3, tau: 1}", numbered_tasks(2));
  for (int i = 0; i < 4; ++i) weigh(*balancer, {5, 2});
  LossState state = LossState::of({5, 2});
  const double a = std::exp(15.0 / 11), b = std::exp(6.0 / 5);  // 1 5 5 | 5 5 5
  expect_close(weigh(*balancer, state).w, {a / (a + b), b / (a + b)});
}

TEST(Dwa, AnAbsentTasksWindowStays) {
  const std::string yaml = "{method: dwa, convention: nash, window: 2, normalize: sum}";
  const auto gaps = make_balancer(yaml, numbered_tasks(2)), alone = make_balancer(yaml, numbered_tasks(2));
  Random random(4, "dwa");
  for (int i = 0; i < 12; ++i) {
    LossState state = LossState::of(random_losses(random, 2));
    const Weights expected = weigh(*alone, state);
    EXPECT_EQ(weigh(*gaps, state).w, expected.w);
    state.present = {1, 0};
    state.losses = {state.losses[0], kNan};
    EXPECT_EQ(weigh(*gaps, state).w, (std::vector<double>{1, 0}));
    LossState again = state;  // task 0 twice in the other, too
    weigh(*alone, again);
  }
}

TEST(Dwa, OneTaskWeighsOne) {
  for (const std::string convention : {"paper", "torchjd", "nash"}) {
    const auto balancer = make_balancer("{method: dwa, window: 2, convention: " + convention + "}", numbered_tasks(1));
    LossState state = after_epochs({{3}, {0.1}});
    for (int64_t i = 0; i < 8; ++i) {
      state.epoch = i;
      expect_close(weigh(*balancer, state).w, {1});
    }
  }
}

TEST(Dwa, ResumesExactly) {
  for (const std::string options : {"convention: torchjd", "convention: nash, window: 3", "convention: paper"}) {
    expect_exact_resume("{method: dwa, " + options + "}", 3, 15, [](Balancer& balancer, int step) {
      Random random(9, "step" + std::to_string(step));
      LossState state = LossState::of(random_losses(random, 3));
      state.epoch = step / 4;
      if (step % 3 == 1) state.present = {1, 0, 1};
      return weigh(balancer, state);
    });
  }
}

TEST(Dwa, ErrorsNameTheOption) {
  const auto text = [](const std::string& options) {
    return message_of<InputError>([&] { make_balancer("{method: dwa, " + options + "}", numbered_tasks(2)); });
  };
  EXPECT_THAT(text("tau: 0"), HasSubstr("must be > 0"));
  EXPECT_THAT(text("window: 0"), HasSubstr("must be ≥ 1"));
  EXPECT_THAT(text("convention: libmlt"), HasSubstr("did you mean \"libmtl\"?"));
  const auto two = make_balancer("{method: dwa, convention: nash}", numbered_tasks(2));
  const auto three = make_balancer("{method: dwa, convention: nash}", numbered_tasks(3));
  EXPECT_THAT(message_of<InputError>([&] { three->method().load_state(two->method().state()); }),
              HasSubstr("\"window_losses\" has 100 values where 150 are needed"));
  EXPECT_THAT(message_of<InputError>([&] { three->method().load_state({}); }), HasSubstr("no \"window_losses\""));
  EXPECT_THAT(message_of<WorkError>([&] { weigh(*two, {1.0}); }), HasSubstr("dwa: 1 losses"));
}

}  // namespace
}  // namespace polytask
