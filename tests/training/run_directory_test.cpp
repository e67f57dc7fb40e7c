#include "support/experiments.h"
#include "support/temporary_directory.h"

#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/training/run_directory.h>
#include <polytask/training/run_log.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

Experiment experiment_in(const TemporaryDirectory& directory) {
  return resolve_experiment(
      configuration(small_experiment(), {"tracking.directory=" + (directory.path() / "runs").string()}));
}

TEST(RunDirectoryTest, AppearsCompleteUnderItsNameAndTime) {
  TemporaryDirectory directory;
  const auto run = RunDirectory::create(experiment_in(directory), "", {"polytask", "train"});
  EXPECT_EQ(run.path().parent_path(), directory.path() / "runs" / "small");
  EXPECT_TRUE(std::filesystem::exists(run.path() / "config.yaml"));
  const Node facts = read_json_file(run.path() / "run.json");
  for (const char* key : {"polytask", "libtorch", "compiler", "host", "started", "blas"})
    EXPECT_NE(facts.text_or(key, ""), "") << key;
  EXPECT_EQ(facts.find("command_line")->items().size(), 2u);
  int64_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(run.path().parent_path())) entries += entry.exists();
  EXPECT_EQ(entries, 1) << "no draft is left beside it";
}

TEST(RunDirectoryTest, LockEndsWithTheObject) {
  TemporaryDirectory directory;
  std::filesystem::path path;
  {
    const auto run = RunDirectory::create(experiment_in(directory), (directory.path() / "r").string(), {});
    path = run.path();
    EXPECT_THROW(RunDirectory::open(path), InputError);
  }
  EXPECT_NO_THROW(RunDirectory::open(path));
}

TEST(RunDirectoryTest, TrailingSlashesAndEmptyDirectoriesAreFine) {
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() / "empty");
  const auto run = RunDirectory::create(experiment_in(directory), (directory.path() / "empty").string() + "/", {});
  EXPECT_TRUE(std::filesystem::exists(directory.path() / "empty" / "run.json"));
}

TEST(RunLogTest, CutsWhatAKilledProcessLeft) {
  TemporaryDirectory directory;
  const auto file = directory.path() / "metrics.jsonl";
  write_file_atomically(file, std::string("{\"kind\":\"step\",\"step\":1}\n{\"kind\":\"step\",\"step\":2}\n"
                                          "{\"kind\":\"step\",\"step\":3}\n{\"kind\":\"st"));
  RunLog log(directory.path(), {"a"}, {}, false, 2);
  log.event(2, "went on");
  const auto lines = read_json_lines(file);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].text_or("step", ""), "2");
  EXPECT_EQ(lines[2].text_or("what", ""), "went on");
}

TEST(RunLogTest, WritesNotFiniteFiguresAsTexts) {
  TemporaryDirectory directory;
  RunLog log(directory.path(), {"a"}, {}, true, 0);
  StepResult result;
  result.losses = {std::nan("")};
  log.step(1, 0, result, 0.1, 0.01);
  EXPECT_EQ(read_json_lines(directory.path() / "metrics.jsonl")[0].find("losses")->text_or("a", ""), "NaN");
}

}  // namespace
}  // namespace polytask
