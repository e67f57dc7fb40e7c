#include <polytask/core/memory.h>
#include <polytask/core/threads.h>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  polytask::configure_allocator();
  polytask::set_threads(2);
  return RUN_ALL_TESTS();
}
