// What absent tasks and label masks cost a step. Blocks of two kinds of steps alternate; `ratio` is the median over the
// pairs:
//   masks    eight tasks, all labelled: with masks that leave nothing out / without masks
//   absent   two labelled tasks: six more in the model and in the batch, all of them absent / a model of those two
//   partial  eight tasks: half of the labels missing in each / without masks (this is the price of masked losses, not
//   of
//            absent tasks)
#include "bare_loop.h"

#include <polytask/core/memory.h>
#include <polytask/core/random.h>
#include <polytask/core/threads.h>
#include <polytask/training/step.h>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>

namespace polytask {
namespace {

constexpr int kPairs = 101;
constexpr int64_t kBatch = 64;

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Session open_tasks(const std::string& backbone, const std::filesystem::path& directory, int64_t tasks) {
  write_bench_data(directory, backbone.find("lenet") != std::string::npos);
  std::string yaml = fmt::format(
      "data: {{source: arrays, path: {0}/x.npy, columns: {{label: {0}/y.npy}}, batch_size: {1}}}\n"
      "model: {{backbone: {2}}}\noptimizer: {{type: adam, lr: 1e-3, weight_decay: 0}}\n"
      "tracking: {{gradients: {{every: -1}}}}\ntasks:\n",
      directory.string(), kBatch, backbone);
  for (int64_t t = 0; t < tasks; ++t)
    yaml += fmt::format("  t{}: {{type: classification, target: label, classes: 10}}\n", t);
  Node node = parse_yaml(yaml, "bench");
  set_paths(node);
  Session session = open_session(resolve_experiment(node));
  session.model->train();
  return session;
}

// The first rows, with the share `labelled[t]` of labels for task t; negative: no mask. Counted as data sets do.
Batch batch_of(const Session& session, const std::vector<double>& labelled) {
  const auto& rows = session.data.split.train;
  Batch batch = session.data.dataset->batch(std::vector<int64_t>(rows.begin(), rows.begin() + kBatch));
  for (size_t t = 0; t < labelled.size(); ++t) {
    if (labelled[t] < 0) continue;
    const std::string task = fmt::format("t{}", t);
    const auto count = static_cast<int64_t>(labelled[t] * static_cast<double>(kBatch));
    batch.valid[task] = at::arange(kBatch).lt(count);
    batch.labelled[task] = count;
  }
  return batch;
}

// Steps of one session on one batch.
class Steps {
 public:
  Steps(Session& session, Batch batch)
      : optimizer_(session.experiment.optimizer, session.model->model_parameters(), {}, session.task_names()),
        random_(1),
        stepper_(session, optimizer_, random_),
        batches_({std::move(batch)}) {}
  void run(int64_t count) {
    for (int64_t i = 0; i < count; ++i) stepper_.step(batches_, LossState(), false);
  }

 private:
  GroupedOptimizer optimizer_;
  Random random_;
  Stepper stepper_;
  std::vector<Batch> batches_;
};

void compare(benchmark::State& state, Steps& a, Steps& b, int64_t block) {
  a.run(block);
  b.run(block);
  std::vector<double> ratios, a_ms, b_ms;
  for (auto _ : state) {
    for (int pair = 0; pair < kPairs; ++pair) {
      // Which of the two comes first alternates too.
      const bool first = pair % 2 == 0;
      const double x = seconds([&] { (first ? a : b).run(block); });
      const double y = seconds([&] { (first ? b : a).run(block); });
      ratios.push_back(first ? x / y : y / x);
      a_ms.push_back(1e3 * (first ? x : y) / static_cast<double>(block));
      b_ms.push_back(1e3 * (first ? y : x) / static_cast<double>(block));
    }
  }
  state.counters["ratio"] = median(ratios);
  state.counters["with_ms"] = median(a_ms);
  state.counters["without_ms"] = median(b_ms);
}

struct Setting {
  const char* backbone;
  int64_t block;
};
const Setting kSettings[] = {{kMlp, 4}, {kLenet, 1}};

std::filesystem::path folder() { return std::filesystem::temp_directory_path() / "polytask-bench-absent"; }

// `labelled`: of every task, against no masks at all.
void against_no_masks(benchmark::State& state, double labelled) {
  const auto& setting = kSettings[state.range(0)];
  Session with = open_tasks(setting.backbone, folder(), 8), without = open_tasks(setting.backbone, folder(), 8);
  Steps a(with, batch_of(with, std::vector<double>(8, labelled))), b(without, batch_of(without, {}));
  compare(state, a, b, setting.block);
  std::filesystem::remove_all(folder());
}

void masks(benchmark::State& state) { against_no_masks(state, 1.0); }
void partial(benchmark::State& state) { against_no_masks(state, 0.5); }

void absent(benchmark::State& state) {
  const auto& setting = kSettings[state.range(0)];
  Session eight = open_tasks(setting.backbone, folder(), 8), two = open_tasks(setting.backbone, folder(), 2);
  Steps a(eight, batch_of(eight, {-1, -1, 0, 0, 0, 0, 0, 0})), b(two, batch_of(two, {}));
  compare(state, a, b, setting.block);
  std::filesystem::remove_all(folder());
}

BENCHMARK(masks)->ArgName("lenet")->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(absent)->ArgName("lenet")->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(partial)->ArgName("lenet")->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace polytask

int main(int argc, char** argv) {
  polytask::configure_allocator();
  polytask::set_threads(0);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
