#include <polytask/core/error.h>
#include <polytask/core/log.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <fstream>
#include <sstream>

namespace polytask {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Log, GoesToStandardErrorAndToTheOpenFile) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "log.txt";
  open_log_file(file);
  testing::internal::CaptureStderr();
  log_info("epoch {} of {}", 1, 2);
  log_message(LogLevel::warning, "braces {} and {0} stay");
  close_log_file();
  log_info("later");
  const std::string shown = testing::internal::GetCapturedStderr();
  EXPECT_THAT(shown, HasSubstr("info: epoch 1 of 2"));
  EXPECT_THAT(shown, HasSubstr("warning: braces {} and {0} stay"));
  EXPECT_THAT(shown, HasSubstr("later"));
  const std::string written = content(file);
  EXPECT_THAT(written, testing::ContainsRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z info epoch 1 of 2"));
  EXPECT_THAT(written, HasSubstr("braces {} and {0} stay"));
  EXPECT_THAT(written, Not(HasSubstr("later")));
}

TEST(Log, AppendsToAFileThatExists) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "log.txt";
  testing::internal::CaptureStderr();
  for (const char* message : {"first", "second"}) {
    open_log_file(file);
    log_info("{}", message);
    close_log_file();
  }
  testing::internal::GetCapturedStderr();
  EXPECT_THAT(content(file), testing::AllOf(HasSubstr("first"), HasSubstr("second")));
}

TEST(Log, LevelHidesWhatIsBelow) {
  testing::internal::CaptureStderr();
  log_debug("hidden");
  set_log_level(LogLevel::debug);
  log_debug("shown");
  set_log_level(LogLevel::error);
  log_warning("quiet");
  set_log_level(LogLevel::info);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::AllOf(HasSubstr("debug: shown"), Not(HasSubstr("hidden")), Not(HasSubstr("quiet"))));
}

TEST(Log, SaysThatTheFileCanNotBeOpened) {
  const TemporaryDirectory directory;
  try {
    open_log_file(directory.path());
    ADD_FAILURE();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr(directory.path().string() + ": cannot be opened for the log"));
  }
}

}  // namespace
}  // namespace polytask
