#include <polytask/training/compare/processes.h>

#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <csignal>

namespace polytask {
namespace {

constexpr double kSeconds = 20;

TEST(CompareProcesses, TellHowTheyEnded) {
  const TemporaryDirectory directory;
  ProcessLauncher launcher("/bin/sh", 1);
  for (const auto& [script, status] : {std::pair("exit 3", 3), std::pair("kill -9 $$", 137)}) {
    launcher.start({0, "job", {"-c", script}, directory.path() / "log.txt"}, 0);
    const auto ended = launcher.wait(kSeconds);
    ASSERT_TRUE(ended) << script;
    EXPECT_EQ(ended->status, status) << script;
  }
}

// As under a parent that ignores SIGCHLD, which exec passes on.
TEST(CompareProcesses, AreSeenToEndWhereTheSignalWasIgnored) {
  const TemporaryDirectory directory;
  std::signal(SIGCHLD, SIG_IGN);
  ProcessLauncher launcher("/bin/sh", 1);
  launcher.start({0, "job", {"-c", "exit 3"}, directory.path() / "log.txt"}, 0);
  const auto ended = launcher.wait(kSeconds);
  std::signal(SIGCHLD, SIG_DFL);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->status, 3);
}

}  // namespace
}  // namespace polytask
