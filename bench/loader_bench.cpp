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

// IDX files of n random pictures, removed in the end.
class Pictures {
 public:
  Pictures(const std::string& name, int64_t n)
      : path_(std::filesystem::temp_directory_path() / ("polytask-bench-loader-" + name)) {
    std::filesystem::create_directories(path_);
    write_idx(path_ / "train-images-idx3-ubyte", at::randint(256, {n, 28, 28}).to(at::kByte));
    write_idx(path_ / "train-labels-idx1-ubyte", at::randint(10, {n}).to(at::kByte));
  }
  ~Pictures() { std::filesystem::remove_all(path_); }
  Pictures(const Pictures&) = delete;
  Pictures& operator=(const Pictures&) = delete;
  Node section() const {
    return Node::map_of({{"source", Node::scalar_of("idx")}, {"root", Node::scalar_of(path_.string())}});
  }

 private:
  std::filesystem::path path_;
};

void deliver_epochs(Node section, const std::vector<TargetRequest>& tasks, benchmark::State& state) {
  section.set("batch_size", Node::scalar_of("128"));
  section.set("workers", Node::scalar_of(std::to_string(state.range(0))));
  const auto data = open_data(resolve_data_section(section), tasks, 1);
  Loader loader(*data.dataset, data.loader, 1, data.augment);
  int64_t epoch = 0, samples = 0;
  for (auto _ : state) {
    loader.start(data.sampler->order(1, epoch), epoch);
    ++epoch;
    while (const auto batch = loader.next()) samples += batch->size();
  }
  state.counters["samples_per_second"] = benchmark::Counter(static_cast<double>(samples), benchmark::Counter::kIsRate);
}

TargetRequest digit(const std::string& task, const std::string& column) {
  return {task, TargetKind::classes, {column}, {}, 10};
}

void loader_mnist_sized(benchmark::State& state) {
  const Pictures pictures("one", 60000);
  deliver_epochs(pictures.section(), {digit("digit", "label")}, state);
}
BENCHMARK(loader_mnist_sized)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

// Four data sets of different sizes in one run: a task on all of them, a task on each alone, small ones oversampled.
void loader_four_data_sets(benchmark::State& state) {
  const std::vector<std::pair<std::string, int64_t>> sizes = {{"a", 40000}, {"b", 12000}, {"c", 6000}, {"d", 2000}};
  std::vector<std::unique_ptr<Pictures>> pictures;
  std::vector<TargetRequest> tasks = {digit("every", "label")};
  Node children = Node::map_of();
  for (const auto& [name, rows] : sizes) {
    pictures.push_back(std::make_unique<Pictures>(name, rows));
    children.set(name, pictures.back()->section());
    tasks.push_back(digit("only_" + name, name + ".label"));
  }
  Node section = Node::map_of({{"source", Node::scalar_of("multi")}});
  section.set("sources", children);
  section.set("sampler", Node::map_of({{"type", Node::scalar_of("temperature")}}));
  deliver_epochs(section, tasks, state);
}
BENCHMARK(loader_four_data_sets)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace polytask

int main(int argc, char** argv) {
  polytask::configure_allocator();
  polytask::set_threads(0);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
