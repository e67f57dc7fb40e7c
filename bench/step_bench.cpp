// Our training step, with its log line, against the bare libtorch loop of the same arithmetic. Blocks of both
// alternate; `ratio` is the median of ours / bare over the pairs.
#include "bare_loop.h"

#include <polytask/core/memory.h>
#include <polytask/core/threads.h>
#include <polytask/training/run_log.h>
#include <polytask/training/step.h>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

namespace polytask {
namespace {

constexpr int kPairs = 9;

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(benchmark::State& state, const char* backbone, BareModel bare, int block) {
  const auto directory = std::filesystem::temp_directory_path() / "polytask-bench";
  Session session = open_bench_session(backbone, directory);
  GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(), {}, session.task_names());
  Random random(1);
  Stepper stepper(session, optimizer, random);
  RunLog log(directory, session.task_names(), {}, true, -1);
  session.model->train();
  torch::optim::Adam adam(bare.parameters(), torch::optim::AdamOptions(1e-3));

  const std::vector<int64_t> rows(session.data.split.train.begin(), session.data.split.train.begin() + 64);
  const std::vector<Batch> batches = {session.data.dataset->batch(rows)};
  const auto& input = batches[0].inputs.begin()->second;
  const auto digits = batches[0].targets.at("digit"), odd = batches[0].targets.at("parity");
  int64_t step = 0;
  const auto ours = [&] {
    for (int i = 0; i < block; ++i) {
      LossState facts;
      facts.step = step;
      const auto result = stepper.step(batches, facts, false);
      log.step(++step, 0, result, 1e-3, 0);
    }
  };
  const auto theirs = [&] {
    for (int i = 0; i < block; ++i) bare.step(adam, input, digits, odd);
  };
  ours();
  theirs();
  std::vector<double> ratios, ours_ms, bare_ms;
  for (auto _ : state) {
    for (int pair = 0; pair < kPairs; ++pair) {
      const double a = seconds(ours), b = seconds(theirs);
      ratios.push_back(a / b);
      ours_ms.push_back(1e3 * a / block);
      bare_ms.push_back(1e3 * b / block);
    }
  }
  state.counters["ratio"] = median(ratios);
  state.counters["ours_ms"] = median(ours_ms);
  state.counters["bare_ms"] = median(bare_ms);
  std::filesystem::remove_all(directory);
}

void step_mlp(benchmark::State& state) { compare(state, kMlp, bare_mlp(), 100); }
void step_lenet(benchmark::State& state) { compare(state, kLenet, bare_lenet(), 30); }
BENCHMARK(step_mlp)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(step_lenet)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace polytask

int main(int argc, char** argv) {
  polytask::configure_allocator();
  polytask::set_threads(0);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
