#include <polytask/cli/verbs.h>
#include <polytask/core/threads.h>
#include <polytask/training/provenance.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <torch/cuda.h>

namespace polytask {
namespace {

void run_info() {
  set_threads(0);
  for (const auto& [name, value] : version_facts()) fmt::print("{:16} {}\n", name, value);
  fmt::print("{:16} {}\n", "cuda_devices", torch::cuda::device_count());
  if (const auto warning = blas_report().warning; !warning.empty()) fmt::print(stderr, "warning: {}\n", warning);
}

}  // namespace

void add_info(CLI::App& program) {
  auto* verb = program.add_subcommand("info", "versions, device, threads, BLAS: what a bug report needs");
  verb->callback([] { run_info(); });
}

}  // namespace polytask
