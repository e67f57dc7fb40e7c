// The small solvers at T = 2, 10, 40, 100: rows of 2 T random columns, one scale or many. Medians:
// --benchmark_repetitions=9 --benchmark_report_aggregates_only.
#include <polytask/balancing/gram_balancer.h>
#include <polytask/core/random.h>
#include <polytask/solvers/conflict_averse.h>
#include <polytask/solvers/matrix.h>
#include <polytask/solvers/min_norm.h>
#include <polytask/solvers/orthant_qp.h>
#include <polytask/solvers/power_newton.h>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace polytask {
namespace {

Matrix random_gram(int64_t tasks) {
  Random random(7, "solvers_bench");
  Matrix rows(tasks, 2 * tasks), gram(tasks, tasks);
  for (int64_t t = 0; t < tasks; ++t)
    for (int64_t k = 0; k < rows.cols(); ++k) rows(t, k) = random.normal();
  for (int64_t i = 0; i < tasks; ++i)
    for (int64_t j = 0; j < tasks; ++j)
      for (int64_t k = 0; k < rows.cols(); ++k) gram(i, j) += rows(i, k) * rows(j, k);
  return gram;
}

// The same rows, each scaled by 10^u, u uniform in ±4.
Matrix badly_scaled_gram(int64_t tasks) {
  Random random(8, "solvers_bench");
  Matrix gram = random_gram(tasks);
  std::vector<double> scales;
  for (int64_t t = 0; t < tasks; ++t) scales.push_back(std::pow(10.0, 8 * random.uniform() - 4));
  for (int64_t i = 0; i < tasks; ++i)
    for (int64_t j = 0; j < tasks; ++j) gram(i, j) *= scales[static_cast<size_t>(i)] * scales[static_cast<size_t>(j)];
  return gram;
}

void min_norm(benchmark::State& state, Matrix (*make)(int64_t)) {
  const Matrix gram = make(state.range(0));
  MinNormSolver solver;
  std::vector<double> x;
  for (auto _ : state) benchmark::DoNotOptimize(solver.solve(gram, x));
}
BENCHMARK_CAPTURE(min_norm, random, random_gram)->Arg(2)->Arg(10)->Arg(40)->Arg(100)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(min_norm, badly_scaled, badly_scaled_gram)
    ->Arg(2)
    ->Arg(10)
    ->Arg(40)
    ->Arg(100)
    ->Unit(benchmark::kMicrosecond);

void cagrad(benchmark::State& state, Matrix (*make)(int64_t)) {
  const Matrix gram = make(state.range(0));
  double sum = 0;
  for (int64_t i = 0; i < gram.rows() * gram.cols(); ++i) sum += gram.data()[i];
  const double radius = 0.5 * std::sqrt(sum) / static_cast<double>(gram.rows());
  ConflictAverseSolver solver;
  ConflictAverse solution;
  for (auto _ : state) benchmark::DoNotOptimize(solver.solve(gram, radius, 0, solution));
}
BENCHMARK_CAPTURE(cagrad, random, random_gram)->Arg(2)->Arg(10)->Arg(40)->Arg(100)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(cagrad, badly_scaled, badly_scaled_gram)
    ->Arg(2)
    ->Arg(10)
    ->Arg(40)
    ->Arg(100)
    ->Unit(benchmark::kMicrosecond);

std::vector<double> uniform_weights(int64_t tasks) {
  return std::vector<double>(static_cast<size_t>(tasks), 1.0 / static_cast<double>(tasks));
}

void upgrad(benchmark::State& state) {
  const Matrix gram = random_gram(state.range(0));
  const auto u = uniform_weights(state.range(0));
  OrthantQp solver;
  std::vector<double> w;
  for (auto _ : state) benchmark::DoNotOptimize(solver.solve_each(gram, u, w));
}
BENCHMARK(upgrad)->Arg(2)->Arg(10)->Arg(40)->Arg(100)->Unit(benchmark::kMicrosecond);

void dualproj(benchmark::State& state) {
  const Matrix gram = random_gram(state.range(0));
  const auto u = uniform_weights(state.range(0));
  OrthantQp solver;
  std::vector<double> w;
  for (auto _ : state) benchmark::DoNotOptimize(solver.solve(gram, u, w));
}
BENCHMARK(dualproj)->Arg(2)->Arg(10)->Arg(40)->Arg(100)->Unit(benchmark::kMicrosecond);

void nash(benchmark::State& state) {
  const Matrix gram = random_gram(state.range(0));
  PowerNewton solver;
  std::vector<double> w;
  for (auto _ : state) benchmark::DoNotOptimize(solver.solve(gram, 1, w));
}
BENCHMARK(nash)->Arg(2)->Arg(10)->Arg(40)->Arg(100)->Unit(benchmark::kMicrosecond);

void fairgrad_alpha_2(benchmark::State& state) {
  const Matrix gram = random_gram(state.range(0));
  PowerNewton solver;
  std::vector<double> w;
  for (auto _ : state) benchmark::DoNotOptimize(solver.solve(gram, 0.5, w));
}
BENCHMARK(fairgrad_alpha_2)->Arg(2)->Arg(10)->Arg(40)->Arg(100)->Unit(benchmark::kMicrosecond);

// Whole methods, from M to weights.
void weigh(benchmark::State& state, const std::string& method) {
  const int64_t tasks = state.range(0);
  const auto balancer = balancers().create(Node::map_of({{"method", Node::scalar_of(method)}}));
  auto& weighting = dynamic_cast<GramBalancer&>(*balancer).weighting();
  std::vector<TaskInfo> infos;
  for (int64_t t = 0; t < tasks; ++t) infos.push_back({"t" + std::to_string(t), "regression", 1});
  weighting.setup(infos);
  Random random(1);
  StreamDraws draws(random);
  LossState losses = LossState::of(std::vector<double>(static_cast<size_t>(tasks), 1.0));
  losses.draws = &draws;
  GramState gram;
  gram.gram = random_gram(tasks);
  for (int64_t t = 0; t < tasks; ++t) gram.tasks.push_back(t);
  gram.losses = losses.losses;
  gram.task_count = tasks;
  for (auto _ : state) benchmark::DoNotOptimize(weighting.weigh(gram, losses));
}

}  // namespace
}  // namespace polytask

int main(int argc, char** argv) {
  for (const char* method : {"pcgrad", "gradvac", "aligned", "imtl_g", "config", "krum", "gradnorm"})
    benchmark::RegisterBenchmark((std::string("weigh/") + method).c_str(),
                                 [method](benchmark::State& state) { polytask::weigh(state, method); })
        ->Arg(2)
        ->Arg(10)
        ->Arg(40)
        ->Arg(100)
        ->Unit(benchmark::kMicrosecond);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
