// Comparisons as a user makes them.
#include "support/experiments.h"
#include "support/program.h"
#include "support/temporary_directory.h"

#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace polytask {
namespace {

using testing::HasSubstr;
using testing::Not;

class CompareVerb : public testing::Test {
 protected:
  CompareVerb() { write_file_atomically(path("a.yaml"), std::string(small_experiment())); }
  ProgramResult run(const std::string& arguments) { return run_polytask(arguments, directory_.path()); }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  TemporaryDirectory directory_;
};

TEST_F(CompareVerb, TwoTasksTwoMethodsTwoSeeds) {
  const std::string command = "-q compare " + path("a.yaml") +
                              " train.epochs=2 compare.grid=[[3,1]] --methods equal,pcgrad --seeds 2 --jobs 2 -o " +
                              path("c");
  const auto first = run(command);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("single-task"));
  EXPECT_THAT(first.out, HasSubstr("pcgrad"));
  EXPECT_THAT(first.out, HasSubstr("the best of 2 constant weights"));
  EXPECT_EQ(first.out.substr(first.out.rfind("compare: ")), "compare: " + path("c") + "/compare.md\n");

  const auto table = read_csv(path("c/compare.csv"));
  const auto& kinds = table.columns[static_cast<size_t>(table.column_index("kind"))];
  EXPECT_EQ(std::set<std::string>(kinds.begin(), kinds.end()), (std::set<std::string>{"single", "method", "tuned"}));
  EXPECT_EQ(read_json_file(path("c/compare.json")).text_or("split", ""), "test");
  for (const auto& member : std::filesystem::directory_iterator(path("c/members")))
    EXPECT_THAT(read_file(member.path() / "metrics.jsonl"), Not(HasSubstr("\"split\":\"test\""))) << member.path();

  const auto again = run(command);
  EXPECT_EQ(again.out, first.out) << "everything is there already";
  const auto other = run(command + " optimizer.lr=0.5");
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("optimizer.lr was"));
}

TEST_F(CompareVerb, TestFiguresAreThoseOfEvaluate) {
  const auto result =
      run("-q compare " + path("a.yaml") + " train.epochs=1 --methods equal --seeds 1 --no-tuned -o " + path("c"));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("One seed: nothing can be told apart"));
  ASSERT_EQ(run("evaluate " + path("c/members/hard-equal-s7") + " --split test --json " + path("e.json")).status, 0);
  const Node evaluated = read_json_file(path("e.json")), compared = read_json_file(path("c/compare.json"));
  for (const auto& row : compared.find("rows")->items())
    if (row.text_or("method", "") == "equal")
      EXPECT_EQ(json_number(*row.find("tasks")->find("kind")->find("accuracy")->find("mean")),
                json_number(*evaluated.find("kind")->find("accuracy")));
}

TEST_F(CompareVerb, ATrainingThatCannotBeIsARow) {
  const auto result = run("-q compare " + path("a.yaml") +
                          " train.epochs=1 train.on_nan=stop 'compare.methods=[{method: krum, n_byzantine: 1}]' "
                          "--seeds 1 --no-tuned -o " +
                          path("c"));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("krum(n_byzantine=1): refused"));
}

TEST_F(CompareVerb, WhereEveryTrainingFailsTheTableIsWrittenAndTheStatusSaysSo) {
  const auto result = run("-q compare " + path("a.yaml") +
                          " train.epochs=1 train.on_nan=stop 'optimizer={type: sgd, lr: 1e30}' --methods equal "
                          "--seeds 1 --no-tuned -o " +
                          path("c"));
  EXPECT_EQ(result.status, 1) << result.out;
  EXPECT_THAT(result.err, HasSubstr(path("c") + "/logs"));
  EXPECT_THAT(read_file(path("c/compare.md")), HasSubstr("Nothing can be compared"));
}

TEST_F(CompareVerb, ADryRunTrainsNothing) {
  const auto result = run("compare " + path("a.yaml") + " --methods pcgrad --seeds 4 --dry-run -o " + path("c"));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("32 trainings, 128 epochs at most, seeds 7 to 10"));
  EXPECT_FALSE(std::filesystem::exists(path("c")));
}

TEST_F(CompareVerb, MistakesAreNamed) {
  EXPECT_THAT(run("compare " + path("a.yaml") + " --methods pcgrd").err, HasSubstr("did you mean \"pcgrad\""));
  EXPECT_THAT(run("compare " + path("a.yaml") + " --methods pcgrad,,dwa").err, HasSubstr("empty name"));
  EXPECT_THAT(run("compare " + path("a.yaml") + " compare.sedes=4").err, HasSubstr("did you mean \"seeds\""));
  EXPECT_THAT(run("compare " + path("a.yaml") + " tasks=[kind]").err, HasSubstr("two or more"));
  const auto none = run("compare " + path("a.yaml") + " --seeds 0");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("--seeds: 0 must be 1 or more"));
}

TEST_F(CompareVerb, TrainingTakesAListOfTasks) {
  const auto one = run("train " + path("a.yaml") + " tasks=[yield] --check");
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_THAT(one.out, HasSubstr("yield"));
  EXPECT_THAT(one.out, Not(HasSubstr("kind")));
  EXPECT_THAT(run("train " + path("a.yaml") + " tasks=[yeld] --check").err, HasSubstr("did you mean \"yield\""));
}

}  // namespace
}  // namespace polytask
