#include "training/compare/fake_launcher.h"

#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/training/checkpoint.h>
#include <polytask/training/compare/compare.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/experiments.h>
#include <support/temporary_directory.h>

#include <csignal>

namespace polytask {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class Compare : public testing::Test {
 protected:
  ComparePlan plan(const std::vector<std::string>& methods = {"pcgrad"}, const std::vector<std::string>& overrides = {},
                   int64_t seeds = 2) {
    CompareOptions options;
    options.seeds = seeds;
    return make_plan(configuration(small_experiment(), overrides), options, {methods, {}});
  }
  std::filesystem::path folder() const { return directory_.path() / "c"; }
  const TemporaryDirectory directory_;
};

bool begins(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

// Single-task: 0.5 and 10. pcgrad: +10 % and +20 % on test rows. Weights 4:1 look best on validation rows and 1:4 would
// be best on test rows.
FakeOutcome usual(const std::string& id) {
  if (begins(id, "single")) return {0.5, 10, 0.5, 10};
  if (begins(id, "hard-pcgrad")) return {0.5, 10, 0.55, 8};
  if (begins(id, "hard-weights-4-1")) return {0.6, 9, 0.5, 9};
  if (begins(id, "hard-weights-1-4")) return {0.4, 12, 0.9, 1};
  return {0.5, 10, 0.5, 9.5};
}

const ComparedRow& row_of(const Comparison& comparison, const std::string& method) {
  for (const auto& row : comparison.rows)
    if (row.method == method) return row;
  throw std::runtime_error("no row " + method);
}

TEST_F(Compare, WeightsAreChosenByValidationRowsAlone) {
  FakeLauncher launcher(usual);
  const auto comparison = compare(plan(), folder(), 2, launcher);
  EXPECT_EQ(comparison.split, "test");
  const auto& tuned = row_of(comparison, "tuned weights 4:1");
  EXPECT_EQ(tuned.kind, ComparedRow::Kind::tuned);
  EXPECT_NEAR(tuned.delta_spread.mean, (0 + 10) / 2.0, 1e-9);
  EXPECT_THAT(launcher.evaluated, Not(Contains("hard-weights-1-4-s7"))) << "nobody needs its test figures";
  EXPECT_THAT(launcher.evaluated, SizeIs(2 * (2 + 2 + 1)));
  ASSERT_EQ(comparison.tried.size(), 5u);
  EXPECT_NEAR(comparison.tried[3].delta, (20 + 10) / 2.0, 1e-9);
  EXPECT_TRUE(comparison.tried[3].chosen);
}

TEST_F(Compare, DeltaIsAgainstTheSameSeedsSingleTaskModels) {
  FakeLauncher launcher([](const std::string& id) {
    auto outcome = usual(id);
    if (id == "single-yield-s8") outcome.test_yield = 16;
    return outcome;
  });
  const auto row = row_of(compare(plan(), folder(), 1, launcher), "pcgrad");
  ASSERT_THAT(row.delta, SizeIs(2));
  EXPECT_NEAR(row.delta[0], (10 + 20) / 2.0, 1e-9);
  EXPECT_NEAR(row.delta[1], (10 + 50) / 2.0, 1e-9);
  EXPECT_NEAR(row.task_delta.at("yield"), 35, 1e-9);
  EXPECT_NEAR(row.step_ms, 2, 1e-9);
  EXPECT_NEAR(row.memory_mib, 1, 1e-9);
}

TEST_F(Compare, CostsOfSingleTaskModelsAddUp) {
  FakeLauncher launcher(usual);
  const auto row = compare(plan(), folder(), 1, launcher).rows.front();
  EXPECT_NEAR(row.step_ms, 4, 1e-9);
  EXPECT_EQ(row.parameters, 200);
  EXPECT_NEAR(row.memory_mib, 1, 1e-9);
}

TEST_F(Compare, RefusedAndFailedTrainingsAreRowsAndTheOthersGoOn) {
  FakeLauncher launcher([](const std::string& id) {
    auto outcome = usual(id);
    if (begins(id, "hard-krum")) outcome = {0, 0, 0, 0, 2, "krum needs four tasks", false};
    if (id == "hard-pcgrad-s8") outcome = {0, 0, 0, 0, 1, "the loss is not finite"};
    if (begins(id, "hard-mgda")) outcome = {0, 0, 0, 0, 137, "", true};
    return outcome;
  });
  const auto comparison = compare(plan({"krum", "pcgrad", "mgda", "dwa"}), folder(), 1, launcher);
  EXPECT_EQ(row_of(comparison, "krum").problem, "refused: krum needs four tasks");
  EXPECT_EQ(row_of(comparison, "pcgrad").problem, "failed (1 of 2 trainings): the loss is not finite");
  EXPECT_THAT(row_of(comparison, "mgda").problem, HasSubstr("signal 9 (out of memory?)"));
  EXPECT_EQ(row_of(comparison, "dwa").problem, "");
  EXPECT_TRUE(std::isnan(row_of(comparison, "pcgrad").delta_p)) << "a row with gaps is not judged";
  EXPECT_EQ(row_of(comparison, "pcgrad").delta_spread.count, 1);
}

TEST_F(Compare, ARestartTrainsOnlyWhatIsNotFinished) {
  FakeLauncher broken([](const std::string& id) {
    return id == "hard-pcgrad-s8" ? FakeOutcome{0, 0, 0, 0, 1, "no space left"} : usual(id);
  });
  compare(plan(), folder(), 1, broken);
  FakeLauncher mended(usual);
  const auto comparison = compare(plan(), folder(), 1, mended);
  EXPECT_THAT(mended.trained, testing::ElementsAre("hard-pcgrad-s8"));
  EXPECT_THAT(mended.evaluated, testing::ElementsAre("hard-pcgrad-s8"));
  EXPECT_EQ(row_of(comparison, "pcgrad").problem, "");
}

TEST_F(Compare, AStateThatCannotBeTakenUpIsReplaced) {
  int tries = 0;
  FakeLauncher broken(
      [](const std::string& id) { return id == "hard-pcgrad-s8" ? FakeOutcome{0, 0, 0, 0, 1, "killed"} : usual(id); });
  compare(plan(), folder(), 1, broken);
  FakeLauncher mended([&](const std::string& id) {
    if (tries++ == 0) return FakeOutcome{0, 0, 0, 0, 2, "the checkpoint is damaged"};
    return usual(id);
  });
  const auto comparison = compare(plan(), folder(), 1, mended);
  EXPECT_THAT(mended.trained, testing::ElementsAre("hard-pcgrad-s8", "hard-pcgrad-s8"));
  EXPECT_EQ(row_of(comparison, "pcgrad").problem, "");
}

// Refuses to go on with any run, as where the disk is full.
class RefusingLauncher : public Launcher {
 public:
  void start(const Job& job, size_t slot) override {
    started.push_back(job.title);
    write_file_atomically(job.log, "polytask: no space left on the device\n");
    slot_ = slot;
  }
  std::optional<EndedJob> wait(double) override { return EndedJob{slot_, 2}; }
  void interrupt() override {}
  std::vector<std::string> started;

 private:
  size_t slot_ = 0;
};

TEST_F(Compare, AStateThatCanBeReadIsKeptWhateverStopsItsTraining) {
  FakeLauncher broken(
      [](const std::string& id) { return id == "hard-pcgrad-s8" ? FakeOutcome{0, 0, 0, 0, 1, "killed"} : usual(id); });
  compare(plan(), folder(), 1, broken);
  const auto run = folder() / "members" / "hard-pcgrad-s8", last = run / "checkpoints" / "last.safetensors";
  write_file_atomically(run / "config.yaml", read_file(folder() / "configs" / "hard-pcgrad-s8.yaml"));
  make_directory(last.parent_path());
  Checkpoint checkpoint;
  checkpoint.tensors["model.w"] = at::ones({2});
  checkpoint.info = Node::map_of();
  save_checkpoint(last, checkpoint);
  RefusingLauncher full;
  const auto comparison = compare(plan(), folder(), 1, full);
  EXPECT_THAT(full.started, testing::ElementsAre("hard-pcgrad-s8"));
  EXPECT_EQ(row_of(comparison, "pcgrad").problem, "failed (1 of 2 trainings): no space left on the device");
  EXPECT_TRUE(std::filesystem::exists(last));
}

TEST_F(Compare, ARunThatWasHalfRemovedIsNoObstacle) {
  FakeLauncher first(usual);
  compare(plan(), folder(), 1, first);
  const auto run = folder() / "members" / "hard-pcgrad-s8";
  std::filesystem::remove(run / "run.json");
  bool empty = false;
  FakeLauncher second([&](const std::string& id) {
    empty = empty || !std::filesystem::exists(run);
    return usual(id);
  });
  compare(plan(), folder(), 1, second);
  EXPECT_TRUE(empty);
  EXPECT_THAT(second.trained, testing::ElementsAre("hard-pcgrad-s8"));
  EXPECT_THAT(second.evaluated, testing::ElementsAre("hard-pcgrad-s8")) << "test figures of the old training are gone";
}

TEST_F(Compare, DataThatChangedBetweenTwoStartsAreRefused) {
  FakeLauncher first(
      [](const std::string& id) { return id == "hard-pcgrad-s8" ? FakeOutcome{0, 0, 0, 0, 1, "killed"} : usual(id); });
  compare(plan(), folder(), 1, first);
  FakeLauncher second([](const std::string& id) {
    auto outcome = usual(id);
    outcome.data = "new";
    return outcome;
  });
  try {
    compare(plan(), folder(), 1, second);
    FAIL() << "accepted";
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("hard-pcgrad-s8: rows.csv has changed since other members were trained"));
  }
}

TEST_F(Compare, MadeDataMayFollowTheSeed) {
  FakeLauncher launcher([](const std::string& id) {
    auto outcome = usual(id);
    outcome.data = id.substr(id.rfind('s'));
    return outcome;
  });
  EXPECT_NO_THROW(compare(plan(), folder(), 1, launcher));
}

TEST_F(Compare, ARowThatLacksASeedOfTheBaselineIsNotJudged) {
  FakeLauncher launcher([](const std::string& id) {
    auto outcome = usual(id);
    outcome.test_yield += id.back() == '9' ? 0.5 : 0;
    return id == "single-yield-s8" ? FakeOutcome{0, 0, 0, 0, 1, "killed"} : outcome;
  });
  const auto row = row_of(compare(plan({"pcgrad"}, {}, 3), folder(), 1, launcher), "pcgrad");
  EXPECT_EQ(row.problem, "");
  EXPECT_EQ(row.delta_spread.count, 2);
  EXPECT_FALSE(std::isnan(row.delta_spread.p));
  EXPECT_TRUE(std::isnan(row.delta_p));
}

// Equal weights are best here, so two rows show the same trainings.
TEST_F(Compare, TrainingsThatTwoRowsShowAreOneHypothesis) {
  FakeLauncher launcher([](const std::string& id) {
    auto outcome = usual(id);
    if (begins(id, "hard-weights")) outcome.yield = 20;
    if (!begins(id, "single")) outcome.test_yield -= id.back() == '8' ? 0.4 : 0;
    return outcome;
  });
  const auto comparison = compare(plan(), folder(), 1, launcher);
  const auto &tuned = row_of(comparison, "tuned weights (equal)"), &equal = row_of(comparison, "equal"),
             &pcgrad = row_of(comparison, "pcgrad");
  EXPECT_EQ(tuned.delta_p, equal.delta_p);
  EXPECT_NEAR(std::min(equal.delta_p, pcgrad.delta_p), 2 * std::min(equal.delta_spread.p, pcgrad.delta_spread.p), 1e-9);
  EXPECT_TRUE(std::isnan(equal.against_tuned_p)) << "it would be tested against itself";
  EXPECT_TRUE(std::isnan(tuned.against_tuned_p));
}

// A baseline of 0 with one seed: Δm of the tuned row has a gap.
TEST_F(Compare, ATunedRowWithAGapIsNotTestedAgainstItself) {
  FakeLauncher launcher([](const std::string& id) {
    auto outcome = usual(id);
    if (id == "single-kind-s8") outcome.test_kind = 0;
    outcome.test_yield += id.back() == '9' ? 0.5 : 0;
    return outcome;
  });
  const auto comparison = compare(plan({"pcgrad"}, {}, 3), folder(), 1, launcher);
  for (const char* name : {"tuned weights 4:1", "pcgrad"})
    EXPECT_TRUE(std::isnan(row_of(comparison, name).against_tuned_p)) << name;
}

TEST_F(Compare, NothingIsComparedWhereEveryTrainingFails) {
  FakeLauncher launcher([](const std::string&) { return FakeOutcome{0, 0, 0, 0, 137, ""}; });
  const auto comparison = compare(plan(), folder(), 1, launcher);
  EXPECT_EQ(comparison.split, "");
  EXPECT_TRUE(std::isnan(comparison.rows.front().step_ms));
}

TEST_F(Compare, CostsThatLackATaskAreNone) {
  FakeLauncher launcher([](const std::string& id) {
    return begins(id, "single-yield") ? FakeOutcome{0, 0, 0, 0, 1, "killed"} : usual(id);
  });
  const auto row = compare(plan(), folder(), 1, launcher).rows.front();
  EXPECT_TRUE(std::isnan(row.step_ms));
  EXPECT_TRUE(std::isnan(row.memory_mib));
  EXPECT_EQ(row.parameters, 0);
}

TEST_F(Compare, AnEvaluationThatIsKilledSaysBySignal) {
  FakeLauncher launcher([](const std::string& id) {
    auto outcome = usual(id);
    outcome.evaluation = id == "hard-pcgrad-s8" ? 137 : 0;
    return outcome;
  });
  EXPECT_THAT(row_of(compare(plan(), folder(), 1, launcher), "pcgrad").problem,
              HasSubstr("evaluation on test rows: ended by signal 9 (out of memory?)"));
}

TEST_F(Compare, AnotherPlanInTheSameDirectoryIsRefused) {
  FakeLauncher launcher(usual);
  compare(plan(), folder(), 1, launcher);
  try {
    compare(plan({"pcgrad"}, {"train.epochs=5"}), folder(), 1, launcher);
    FAIL() << "accepted";
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("train.epochs was 4, is 5"));
  }
}

TEST_F(Compare, ADirectoryWithOtherFilesIsRefused) {
  write_file_atomically(directory_.path() / "mine.txt", "mine");
  FakeLauncher launcher(usual);
  EXPECT_THROW(compare(plan(), directory_.path(), 1, launcher), InputError);
  EXPECT_THAT(launcher.trained, IsEmpty());
}

TEST_F(Compare, WithoutTestRowsValidationRowsAreShown) {
  FakeLauncher launcher(usual, 0);
  const auto comparison = compare(plan(), folder(), 1, launcher);
  EXPECT_EQ(comparison.split, "validation");
  EXPECT_THAT(launcher.evaluated, IsEmpty());
  EXPECT_NEAR(row_of(comparison, "tuned weights 4:1").delta_spread.mean, 15, 1e-9);
}

TEST_F(Compare, AnUnknownMetricIsFoundAtTheFirstBaseline) {
  FakeLauncher launcher(usual);
  auto wrong = plan();
  wrong.metrics = {{"kind", "acuracy"}};
  try {
    compare(wrong, folder(), 1, launcher);
    FAIL() << "accepted";
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("did you mean \"accuracy\""));
  }
  EXPECT_THAT(launcher.trained, SizeIs(1));
  wrong.metrics = {{"kind", "macro_f1"}};
  EXPECT_EQ(compare(wrong, folder(), 1, launcher).metrics.at("kind"), "macro_f1");
}

TEST_F(Compare, AnInterruptStopsTheQueue) {
  FakeLauncher launcher([](const std::string& id) {
    std::raise(SIGINT);
    return usual(id);
  });
  catch_interrupts();
  EXPECT_THROW(compare(plan(), folder(), 1, launcher), Interrupted);
  clear_interrupt();
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  EXPECT_THAT(launcher.trained, SizeIs(1));
}

}  // namespace
}  // namespace polytask
