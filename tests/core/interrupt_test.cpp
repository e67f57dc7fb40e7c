#include <polytask/core/interrupt.h>

#include <gtest/gtest.h>

#include <csignal>

namespace polytask {
namespace {

// Catches signals while it stands.
class InterruptTest : public testing::Test {
 protected:
  void SetUp() override {
    clear_interrupt();
    catch_interrupts();
  }
  void TearDown() override {
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGINT, SIG_DFL);
    clear_interrupt();
  }
};

TEST_F(InterruptTest, ASignalOnlySetsTheFlag) {
  EXPECT_EQ(interrupt_signal(), 0);
  std::raise(SIGTERM);
  EXPECT_EQ(interrupt_signal(), SIGTERM);
  clear_interrupt();
  EXPECT_EQ(interrupt_signal(), 0);
  std::raise(SIGINT);
  EXPECT_EQ(interrupt_signal(), SIGINT);
}

TEST_F(InterruptTest, ASecondSignalEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        std::raise(SIGINT);
        std::raise(SIGTERM);
      },
      testing::ExitedWithCode(128 + SIGTERM), "");
}

}  // namespace
}  // namespace polytask
