#include <polytask/core/threads.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/Parallel.h>

#include <filesystem>

namespace polytask {
namespace {

TEST(Threads, SetsLibtorchsThreads) {
  const int before = at::get_num_threads();
  set_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  set_threads(0);
  EXPECT_EQ(at::get_num_threads(), usable_cores());
  set_threads(before);
  EXPECT_GE(usable_cores(), 1);
}

TEST(BlasReport, NamesTheLoadedLibraryAndWarnsOfSlowOnesOnly) {
  const BlasReport report = blas_report();
  EXPECT_TRUE(std::filesystem::exists(report.path)) << report.path;
  EXPECT_FALSE(report.name.empty());
  EXPECT_THAT(report.thread_layer, testing::AnyOf("OpenMP", "pthreads", "sequential", "unknown"));
  const bool slow = report.name == "reference BLAS" || report.thread_layer == "pthreads";
  EXPECT_EQ(!report.warning.empty(), slow) << report.name << ": " << report.warning;
  if (slow) EXPECT_THAT(report.warning, testing::HasSubstr("install libopenblas0-openmp"));
}

}  // namespace
}  // namespace polytask
