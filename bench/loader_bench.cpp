// Loader throughput on MNIST-sized samples, from uint8 in memory to normalised float batches in the trainer's hands.
#include <polytask/core/memory.h>
#include <polytask/core/random.h>
#include <polytask/core/threads.h>
#include <polytask/data/data_module.h>
#include <polytask/io/idx.h>

#include <benchmark/benchmark.h>

#include <ATen/ATen.h>

#include <filesystem>

namespace polytask {
namespace {

void loader_mnist_sized(benchmark::State& state) {
  const auto directory = std::filesystem::temp_directory_path() / "polytask-bench-loader";
  std::filesystem::create_directories(directory);
  write_idx(directory / "train-images-idx3-ubyte", at::randint(256, {60000, 28, 28}).to(at::kByte));
  write_idx(directory / "train-labels-idx1-ubyte", at::randint(10, {60000}).to(at::kByte));
  const Node section =
      resolve_data_section(Node::map_of({{"source", Node::scalar_of("idx")},
                                         {"root", Node::scalar_of(directory.string())},
                                         {"batch_size", Node::scalar_of("128")},
                                         {"workers", Node::scalar_of(std::to_string(state.range(0)))}}));
  const auto data = open_data(section, {{"digit", TargetKind::classes, {"label"}, {}, 10}}, 1);
  Loader loader(*data.dataset, data.loader, 1, data.augment);
  int64_t epoch = 0, samples = 0;
  for (auto _ : state) {
    loader.start(data.sampler->order(1, epoch), epoch);
    ++epoch;
    while (const auto batch = loader.next()) samples += batch->size();
  }
  state.counters["samples_per_second"] = benchmark::Counter(static_cast<double>(samples), benchmark::Counter::kIsRate);
  std::filesystem::remove_all(directory);
}
BENCHMARK(loader_mnist_sized)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace polytask

int main(int argc, char** argv) {
  polytask::configure_allocator();
  polytask::set_threads(0);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
