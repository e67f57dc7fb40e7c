#include <polytask/core/error.h>
#include <polytask/training/schedule.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

using testing::HasSubstr;

ScheduleOptions of_type(const std::string& type) {
  ScheduleOptions options;
  options.type = type;
  return options;
}

TEST(Schedule, ConstantIsOneForEver) {
  const Schedule schedule(of_type("constant"), 10, 5);
  for (const int64_t step : {0, 9, 1000}) EXPECT_EQ(schedule.factor(step), 1.0);
}

TEST(Schedule, CosineGoesFromOneToTheFinalFactor) {
  auto options = of_type("cosine");
  options.final_factor = 0.2;
  const Schedule schedule(options, 5, 5);  // progress 0, ¼, ½, ¾, 1
  EXPECT_DOUBLE_EQ(schedule.factor(0), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(1), 0.2 + 0.4 * (1 + std::sqrt(0.5)));
  EXPECT_DOUBLE_EQ(schedule.factor(2), 0.6);
  EXPECT_DOUBLE_EQ(schedule.factor(3), 0.2 + 0.4 * (1 - std::sqrt(0.5)));
  EXPECT_DOUBLE_EQ(schedule.factor(4), 0.2);
  EXPECT_DOUBLE_EQ(schedule.factor(50), 0.2) << "past the end it stays";
}

TEST(Schedule, WarmupComesFirstAndTheScheduleHasTheRest) {
  auto options = of_type("cosine");
  options.warmup = 4;
  options.warmup_factor = 0.2;
  const Schedule schedule(options, 9, 9);
  for (int64_t step = 0; step < 4; ++step)
    EXPECT_DOUBLE_EQ(schedule.factor(step), 0.2 + 0.8 * static_cast<double>(step) / 4.0);
  EXPECT_DOUBLE_EQ(schedule.factor(4), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(6), 0.5);
  EXPECT_NEAR(schedule.factor(8), 0.0, 1e-15);
}

TEST(Schedule, WarmupMayBeLongerThanTheRun) {
  auto options = of_type("cosine");
  options.warmup = 100;
  const Schedule schedule(options, 10, 5);
  EXPECT_DOUBLE_EQ(schedule.factor(0), 0.0);
  EXPECT_DOUBLE_EQ(schedule.factor(9), 0.09);
  EXPECT_DOUBLE_EQ(schedule.factor(100), 1.0);
  EXPECT_DOUBLE_EQ(Schedule(of_type("cosine"), 1, 1).factor(0), 1.0);
  EXPECT_DOUBLE_EQ(Schedule(of_type("cosine"), 0, 0).factor(0), 1.0);
}

TEST(Schedule, StepDecaysEveryFewEpochs) {
  auto options = of_type("step");
  options.every = 2;
  options.gamma = 0.5;
  options.warmup = 3;
  const Schedule schedule(options, 100, 10);
  EXPECT_DOUBLE_EQ(schedule.factor(19), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(20), 0.5);
  EXPECT_DOUBLE_EQ(schedule.factor(39), 0.5);
  EXPECT_DOUBLE_EQ(schedule.factor(40), 0.25);
}

TEST(Schedule, PolynomialFollowsItsPower) {
  auto options = of_type("polynomial");
  options.power = 2;
  options.final_factor = 0.1;
  const Schedule schedule(options, 11, 11);
  EXPECT_DOUBLE_EQ(schedule.factor(0), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(5), 0.1 + 0.9 * 0.25);
  EXPECT_DOUBLE_EQ(schedule.factor(8), 0.1 + 0.9 * 0.04);
  EXPECT_DOUBLE_EQ(schedule.factor(10), 0.1);
}

TEST(Schedule, OneCycleRisesToItsPeakAndFalls) {
  auto options = of_type("one_cycle");
  options.peak_at = 0.4;
  const Schedule schedule(options, 11, 11);  // peak at step 4
  EXPECT_DOUBLE_EQ(schedule.factor(0), 0.04);
  EXPECT_DOUBLE_EQ(schedule.factor(2), 0.52);
  EXPECT_DOUBLE_EQ(schedule.factor(4), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(7), (1 + 1e-4) / 2);
  EXPECT_NEAR(schedule.factor(10), 1e-4, 1e-15);
  for (int64_t step = 0; step < 4; ++step) EXPECT_LT(schedule.factor(step), schedule.factor(step + 1));
  for (int64_t step = 4; step < 10; ++step) EXPECT_GT(schedule.factor(step), schedule.factor(step + 1));
}

TEST(Schedule, OneCycleMayPeakAtEitherEnd) {
  auto options = of_type("one_cycle");
  options.peak_at = 0;
  EXPECT_DOUBLE_EQ(Schedule(options, 11, 11).factor(0), 1.0);
  EXPECT_NEAR(Schedule(options, 11, 11).factor(10), 1e-4, 1e-15);
  options.peak_at = 1;
  EXPECT_DOUBLE_EQ(Schedule(options, 11, 11).factor(0), 0.04);
  EXPECT_DOUBLE_EQ(Schedule(options, 11, 11).factor(10), 1.0);
}

ScheduleOptions plateau() {
  auto options = of_type("plateau");
  options.patience = 1;
  options.gamma = 0.5;
  options.threshold = 0.1;
  options.min_factor = 0.2;
  return options;
}

TEST(Schedule, PlateauDecaysAfterItsPatience) {
  Schedule schedule(plateau(), 100, 10);
  const std::vector<std::pair<double, double>> loss_and_factor = {{1.0, 1},    {0.95, 1} /* less than a tenth better */,
                                                                  {0.8, 1},    {0.8, 1},
                                                                  {0.9, 0.5},  {0.79, 0.5},
                                                                  {0.8, 0.25}, {0.7, 0.25},
                                                                  {0.7, 0.25}, {0.7, 0.2}};
  for (const auto& [loss, factor] : loss_and_factor) {
    schedule.epoch_ended(loss, true);
    EXPECT_DOUBLE_EQ(schedule.factor(50), factor) << loss;
  }
}

TEST(Schedule, PlateauFollowsTheMonitorsDirectionAndSign) {
  Schedule rising(plateau(), 100, 10);
  for (const double accuracy : {0.5, 0.6, 0.7, 0.8}) rising.epoch_ended(accuracy, false);
  EXPECT_EQ(rising.factor(0), 1.0);
  rising.epoch_ended(0.81, false);
  rising.epoch_ended(0.81, false);
  EXPECT_EQ(rising.factor(0), 0.5);
  Schedule negative(plateau(), 100, 10);
  for (const double loss : {-1.0, -1.2, -1.4, -1.6}) negative.epoch_ended(loss, true);
  EXPECT_EQ(negative.factor(0), 1.0);
}

TEST(Schedule, PlateauCountsWhatIsNotFiniteAsNoImprovement) {
  Schedule schedule(plateau(), 100, 10);
  schedule.epoch_ended(std::nan(""), true);
  schedule.epoch_ended(-std::numeric_limits<double>::infinity(), true);
  EXPECT_EQ(schedule.factor(0), 0.5);
  schedule.epoch_ended(3.0, true);
  schedule.epoch_ended(1.0, true);
  EXPECT_EQ(schedule.factor(0), 0.5);
}

TEST(Schedule, PlateauWarmsUpToo) {
  auto options = plateau();
  options.warmup = 10;
  const Schedule schedule(options, 100, 10);
  EXPECT_DOUBLE_EQ(schedule.factor(5), 0.5);
}

TEST(Schedule, OthersDoNotListenToTheMonitor) {
  Schedule schedule(of_type("constant"), 10, 5);
  for (int i = 0; i < 50; ++i) schedule.epoch_ended(1.0, true);
  EXPECT_EQ(schedule.factor(0), 1.0);
}

TEST(Schedule, StateIsSavedAndLoaded) {
  const std::vector<double> losses = {1.0 / 3.0, 0.3, 0.3, 0.3, 0.25, 0.24, 0.23, 0.23};
  for (size_t cut = 0; cut <= losses.size(); ++cut) {
    Schedule whole(plateau(), 100, 10), first(plateau(), 100, 10), second(plateau(), 100, 10);
    for (size_t i = 0; i < cut; ++i) first.epoch_ended(losses[i], true);
    second.load_state(first.state());
    for (size_t i = cut; i < losses.size(); ++i) second.epoch_ended(losses[i], true);
    for (const double loss : losses) whole.epoch_ended(loss, true);
    EXPECT_EQ(second.factor(0), whole.factor(0)) << cut;
    EXPECT_EQ(second.state().text_or("best", ""), whole.state().text_or("best", ""));
    EXPECT_EQ(second.state().text_or("bad_epochs", ""), whole.state().text_or("bad_epochs", ""));
  }
}

TEST(Schedule, RefusesStatesThatAreNone) {
  Schedule schedule(plateau(), 100, 10);
  EXPECT_THROW(schedule.load_state(Node::map_of({{"factor", Node::scalar_of("2")}})), InputError);
  EXPECT_THROW(schedule.load_state(Node::map_of({{"other", Node::scalar_of("1")}})), InputError);
}

TEST(ScheduleOptions, ChecksEveryOption) {
  const auto message = [](const std::string& key, const std::string& value) -> std::string {
    try {
      read_options<ScheduleOptions>(Node::map_of({{key, Node::scalar_of(value)}}));
    } catch (const InputError& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("type", "cosin"), HasSubstr("did you mean \"cosine\"?"));
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{{"warmup", "-1"},
                                                                                   {"warmup_factor", "1.5"},
                                                                                   {"every", "0"},
                                                                                   {"gamma", "0"},
                                                                                   {"gamma", "1.1"},
                                                                                   {"final_factor", "-0.1"},
                                                                                   {"power", "0"},
                                                                                   {"peak_at", "1.1"},
                                                                                   {"start_factor", "2"},
                                                                                   {"end_factor", "-1"},
                                                                                   {"patience", "-1"},
                                                                                   {"threshold", "-1"},
                                                                                   {"min_factor", "2"}})
    EXPECT_THAT(message(key, value), HasSubstr("is out of range")) << key;
}

}  // namespace
}  // namespace polytask
