#include <polytask/balancing/combining/register.h>
#include <polytask/balancing/combining/rows.h>
#include <polytask/balancing/combining/sdmgrad.h>

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace polytask {
namespace {

constexpr double kEpsilon = 1e-8;

void normalize(Matrix& a) {
  const int64_t n = a.rows();
  double scale = 0;
  for (int64_t i = 0; i < n; ++i) scale += std::sqrt(std::max(a(i, i), 0.0)) / static_cast<double>(n);
  for (int64_t i = 0; i < n * n; ++i) a.data()[i] /= scale * scale + kEpsilon;
}

// A (w + λ/R): the row means are the product with equal weights.
std::vector<double> slope(const Matrix& a, const std::vector<double>& w, double lambda) {
  std::vector<double> result(w.size(), 0.0);
  const double pull = lambda / static_cast<double>(w.size());
  for (size_t i = 0; i < w.size(); ++i)
    for (size_t j = 0; j < w.size(); ++j)
      result[i] += a(static_cast<int64_t>(i), static_cast<int64_t>(j)) * (w[j] + pull);
  return result;
}

}  // namespace

void SdmgradOptions::fields(Fields& f) {
  f.field("convention", convention, "whose default for lr", one_of({"paper", "libmtl", "torchjd"}));
  f.field("lambda", lambda, "pull towards the mean gradient: 0 is the min-norm direction", at_least(0));
  f.field("lr", lr, "step size of the inner descent; default: the convention's, 5", above(0));
  f.field("momentum", momentum, "of the inner descent", between(0, 1));
  f.field("iterations", iterations, "of the inner descent in a step", at_least(1));
}

Sdmgrad::Sdmgrad(const SdmgradOptions& options) : options_(options) {
  options_.lr = options.lr.value_or(options.convention == "torchjd" ? 10.0 : 5.0);
}

void Sdmgrad::setup(const std::vector<TaskInfo>& tasks) { w_.reset(static_cast<int64_t>(tasks.size())); }

Needs Sdmgrad::needs() const {
  Needs needs;
  needs.independent_batches = 3;
  return needs;
}

GramWeights Sdmgrad::combine(const GradientRows& rows, const LossState&, at::Tensor&) {
  const at::NoGradGuard no_grad;
  check_rows("sdmgrad", rows, 2);
  w_.prepare(rows.task_count);
  Matrix a = row_products(rows.samples[0], rows.samples[1]);
  normalize(a);
  auto w = w_.of(rows.tasks);
  std::vector<double> velocity(w.size(), 0.0);
  for (int64_t k = 0; k < options_.iterations; ++k) {
    const auto ascent = slope(a, w, options_.lambda);
    for (size_t i = 0; i < w.size(); ++i) {
      velocity[i] = options_.momentum * velocity[i] + ascent[i];
      w[i] -= *options_.lr * velocity[i];
    }
    w = on_simplex(std::move(w));
  }
  w_.set(rows.tasks, w);
  GramWeights result;
  result.shown["simplex"] = w;
  for (double share : w)
    result.w.push_back((share + options_.lambda / static_cast<double>(w.size())) / (1 + options_.lambda));
  result.solver.iterations = options_.iterations;
  return result;
}

NamedTensors Sdmgrad::state() const { return {{"w", w_.tensor()}}; }

void Sdmgrad::load_state(const NamedTensors& state) { w_.load("sdmgrad", saved(state, "sdmgrad", "w")); }

void register_sdmgrad(BalancerRegistry& registry) {
  add_combiner<SdmgradOptions>(registry, "sdmgrad",
                               "Min-norm weights pulled towards equal ones, from separate batches (SDMGrad)",
                               "Xiao, Ban, Ji, Direction-oriented Multi-objective Learning, NeurIPS 2023",
                               [](const SdmgradOptions& options) { return std::make_unique<Sdmgrad>(options); });
}

}  // namespace polytask
