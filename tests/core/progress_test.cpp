#include <polytask/core/progress.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

namespace polytask {
namespace {

using testing::HasSubstr;

// While it stands, standard error is a terminal; `text` is what came there.
class Terminal {
 public:
  Terminal() {
    openpty(&reader_, &writer_, nullptr, nullptr, nullptr);
    std::fflush(stderr);
    saved_ = dup(STDERR_FILENO);
    dup2(writer_, STDERR_FILENO);
  }
  ~Terminal() {
    restore();
    close(reader_);
    close(writer_);
  }
  std::string text() {
    restore();
    std::string result;
    for (pollfd ready{reader_, POLLIN, 0}; poll(&ready, 1, 50) > 0;) {
      char buffer[4096];
      const ssize_t count = read(reader_, buffer, sizeof buffer);
      if (count <= 0) break;
      result.append(buffer, static_cast<size_t>(count));
    }
    return result;
  }

 private:
  void restore() {
    if (saved_ < 0) return;
    std::fflush(stderr);
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    saved_ = -1;
  }
  int reader_ = -1, writer_ = -1, saved_ = -1;
};

void wait_for_redraw() { std::this_thread::sleep_for(std::chrono::milliseconds(120)); }

TEST(Progress, DrawsABarOnATerminalAndErasesIt) {
  Terminal terminal;
  {
    Progress progress("train", 8, "steps");
    progress.update(1);
    wait_for_redraw();
    progress.update(4, "loss 0.31");
  }
  const std::string text = terminal.text();
  EXPECT_THAT(text, HasSubstr("train [============            ] 4/8 steps"));
  EXPECT_THAT(text, HasSubstr("left · loss 0.31"));
  EXPECT_THAT(text, testing::EndsWith("\r\033[K"));
}

TEST(Progress, SurvivesMoreThanItsTotalAndNoTotal) {
  Terminal terminal;
  {
    Progress over("over", 4, "steps");
    wait_for_redraw();
    over.update(9);
    Progress open("open", 0, "files");
    wait_for_redraw();
    open.update(3);
  }
  const std::string text = terminal.text();
  EXPECT_THAT(text, HasSubstr("[========================] 9/4 steps"));
  EXPECT_THAT(text, HasSubstr("0:00 left"));
  EXPECT_THAT(text, HasSubstr("open 3 files"));
}

TEST(Progress, ALogMessageErasesTheBarFirst) {
  Terminal terminal;
  {
    Progress progress("train", 8, "steps");
    wait_for_redraw();
    progress.update(4);
    clear_progress_line();
    clear_progress_line();
  }
  const std::string text = terminal.text();
  EXPECT_EQ(text.find("\r\033[K", text.find("4/8")), text.rfind("\r\033[K")) << "erased once";
}

TEST(Progress, IsQuietOffATerminalForTenSecondsAndWhereTurnedOff) {
  testing::internal::CaptureStderr();
  {
    Progress progress("train", 100, "steps");
    for (int64_t i = 1; i <= 100; ++i) progress.update(i, "note");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  Terminal terminal;
  set_progress_enabled(false);
  {
    Progress progress("train", 8, "steps");
    wait_for_redraw();
    progress.update(4);
  }
  set_progress_enabled(true);
  EXPECT_EQ(terminal.text(), "");
}

}  // namespace
}  // namespace polytask
