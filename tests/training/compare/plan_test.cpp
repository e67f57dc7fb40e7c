#include <polytask/core/error.h>
#include <polytask/training/compare/plan.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/experiments.h>

#include <set>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string text_at(const Node& root, const std::vector<std::string>& path) {
  const Node* node = &root;
  for (const auto& key : path) {
    node = node->find(key);
    if (node == nullptr) return "absent";
  }
  return node->text();
}

std::vector<std::string> ids(const ComparePlan& plan, const PlannedRow& row) {
  std::vector<std::string> result;
  for (const size_t member : row.members) result.push_back(plan.members[member].id);
  return result;
}

ComparePlan plan_of(const std::vector<std::string>& overrides = {}, const CompareChoice& choice = {},
                    CompareOptions options = {}) {
  options.seeds = 2;
  return make_plan(configuration(small_experiment(), overrides), options, choice);
}

std::string refusal(const std::vector<std::string>& overrides, const CompareChoice& choice = {},
                    const CompareOptions& options = {}) {
  try {
    plan_of(overrides, choice, options);
  } catch (const InputError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(ComparePlan, HoldsBaselinesMethodsAndWeights) {
  const auto plan = plan_of({}, {{"pcgrad", "uncertainty"}, {}});
  ASSERT_EQ(plan.rows.size(), 1 + 3 + 4u);
  EXPECT_THAT(ids(plan, plan.rows[0]),
              ElementsAre("single-kind-s7", "single-kind-s8", "single-yield-s7", "single-yield-s8"));
  EXPECT_THAT(ids(plan, plan.rows[1]), ElementsAre("hard-equal-s7", "hard-equal-s8"));
  EXPECT_EQ(plan.rows[2].method, "pcgrad");
  EXPECT_EQ(plan.rows[4].method, "weights 2:1");
  EXPECT_EQ(plan.rows[7].method, "weights 1:4");
  EXPECT_THAT(plan.candidates, ElementsAre(1, 4, 5, 6, 7));
  std::set<std::string> unique;
  for (const auto& member : plan.members) unique.insert(member.id);
  EXPECT_EQ(unique.size(), plan.members.size());
}

TEST(ComparePlan, SingleTaskMembersKeepTheBudgetAndNothingOfTheOtherTask) {
  const auto plan = plan_of({"optimizer.task_lr={kind: 0.1}", "train.monitor=val/kind/accuracy"});
  const Node& single = plan.members[3].configuration;
  EXPECT_EQ(plan.members[3].task, "yield");
  EXPECT_EQ(single.find("tasks")->entries().size(), 1u);
  EXPECT_EQ(text_at(single, {"seed"}), "8");
  EXPECT_EQ(text_at(single, {"balancing", "method"}), "equal");
  EXPECT_EQ(text_at(single, {"data", "unlabelled"}), "replace");
  EXPECT_EQ(single.find("data")->find("other_targets")->items().at(0).text(), "kind");
  EXPECT_EQ(text_at(single, {"train", "monitor"}), "val/loss");
  EXPECT_EQ(text_at(single, {"train", "epochs"}), "4");
  EXPECT_EQ(text_at(single, {"data", "batch_size"}), "32");
}

TEST(ComparePlan, NoMemberTouchesTestRowsOrKnowsOfTheComparison) {
  for (const auto& member : plan_of({"compare.seeds=9"}).members) {
    EXPECT_EQ(text_at(member.configuration, {"train", "test"}), "false") << member.id;
    EXPECT_EQ(member.configuration.find("compare"), nullptr) << member.id;
  }
}

TEST(ComparePlan, OptionsOfTheFilesOwnMethodAreKept) {
  const auto plan = plan_of({"balancing={method: dwa, tau: 5}"}, {{"dwa", "cagrad"}, {}});
  EXPECT_EQ(text_at(plan.members[plan.rows[2].members[0]].configuration, {"balancing", "tau"}), "5");
  EXPECT_EQ(text_at(plan.members[plan.rows[3].members[0]].configuration, {"balancing", "method"}), "cagrad");
}

TEST(ComparePlan, TheSectionsMapsGiveOptionsToNames) {
  CompareOptions options;
  options.methods =
      configuration("methods: [equal, {method: cagrad, c: 0.2}, {method: cagrad, c: 0.8}]").entries()[0].second;
  const auto both = plan_of({}, {}, options);
  EXPECT_EQ(both.rows[2].method, "cagrad(c=0.2)");
  EXPECT_EQ(both.rows[3].method, "cagrad(c=0.8)");
  EXPECT_EQ(text_at(both.members[both.rows[3].members[0]].configuration, {"balancing", "c"}), "0.8");
  const auto chosen = plan_of({}, {{"cagrad"}, {}}, options);
  EXPECT_EQ(chosen.rows[2].method, "cagrad(c=0.2)");
  EXPECT_EQ(chosen.rows[3].method, "cagrad(c=0.8)");
}

TEST(ComparePlan, EveryStepIsLogged) {
  for (const auto& member : plan_of({"tracking.log_every=50"}).members)
    EXPECT_EQ(text_at(member.configuration, {"tracking", "log_every"}), "1") << member.id;
}

TEST(ComparePlan, RowsOfAnInitialRunAreDividedAsThere) {
  EXPECT_THAT(refusal({"model.init_from=first"}), HasSubstr("set data.split.seed"));
  EXPECT_EQ(refusal({"model.init_from=first", "data.split.seed=3"}), "accepted");
  EXPECT_EQ(refusal({"model.init_from=first", "data.split={}"}), "accepted");
}

TEST(ComparePlan, WeightsSumToTheNumberOfTasks) {
  const auto plan = plan_of();
  const Node& balancing = *plan.members[plan.rows.back().members[0]].configuration.find("balancing");
  EXPECT_DOUBLE_EQ(number_of(*balancing.find("weights")->find("kind")), 0.4);
  EXPECT_DOUBLE_EQ(number_of(*balancing.find("weights")->find("yield")), 1.6);
}

TEST(ComparePlan, OwnWeightsReplaceTheGridAndEqualOnesAreNoNewTraining) {
  CompareOptions options;
  options.grid = configuration("grid: [[1, 1], [3, 1], {yield: 2, kind: 0}]").entries()[0].second;
  const auto plan = plan_of({}, {}, options);
  EXPECT_EQ(plan.candidates.size(), 3u);
  EXPECT_EQ(plan.rows.back().method, "weights 0:2");
  options.tuned = false;
  EXPECT_TRUE(plan_of({}, {}, options).candidates.empty());
}

TEST(ComparePlan, RefusesWhatCannotBeCompared) {
  EXPECT_THAT(refusal({}, {{"pcgrd"}, {}}), HasSubstr("did you mean \"pcgrad\""));
  EXPECT_THAT(refusal({}, {{}, {"hrad"}}), HasSubstr("did you mean \"hard\""));
  EXPECT_THAT(refusal({}, {{"pcgrad", "pcgrad"}, {}}), HasSubstr("named twice"));
  EXPECT_THAT(refusal({"tasks={kind: {type: classification, target: kind}}"}), HasSubstr("two or more"));
  CompareOptions options;
  options.metrics = {{"knid", "accuracy"}};
  EXPECT_THAT(refusal({}, {}, options), HasSubstr("did you mean \"kind\""));
  options = {};
  options.grid = configuration("grid: [[1, 2, 3]]").entries()[0].second;
  EXPECT_THAT(refusal({}, {}, options), HasSubstr("3 weights for 2 tasks"));
}

TEST(ComparePlan, DifferencesAreNamed) {
  const Node kept = plan_node(plan_of());
  EXPECT_EQ(plan_difference(kept, plan_node(plan_of())), "");
  const auto epochs = plan_difference(kept, plan_node(plan_of({"train.epochs=6"})));
  EXPECT_THAT(epochs, HasSubstr("train.epochs was 4, is 6"));
  const auto methods = plan_difference(kept, plan_node(plan_of({}, {{"uncertainty", "pcgrad"}, {}})));
  EXPECT_THAT(methods, HasSubstr("hard-pcgrad-s7: was not compared"));
}

}  // namespace
}  // namespace polytask
