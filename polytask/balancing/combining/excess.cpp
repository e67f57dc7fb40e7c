#include <polytask/balancing/combining/excess.h>
#include <polytask/balancing/combining/register.h>
#include <polytask/balancing/combining/rows.h>
#include <polytask/core/error.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/dot.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace polytask {
namespace {

constexpr double kEpsilon = 1e-7;

// Adds the squares of a gradient to its row of S and returns Σ g²/√(S + ε).
double accumulate(const at::Tensor& s, const at::Tensor& grad) {
  double sum = 0;
  for (int64_t begin = 0; begin < grad.numel(); begin += kColumnChunk) {
    const int64_t n = std::min(kColumnChunk, grad.numel() - begin);
    const at::Tensor g = grad.narrow(0, begin, n);
    at::Tensor squares = s.narrow(0, begin, n);
    squares.addcmul_(g, g);
    sum += at::dot(squares.add(kEpsilon).rsqrt_().mul_(g), g).item<double>();
  }
  return sum;
}

}  // namespace

void ExcessOptions::fields(Fields& f) {
  f.field("convention", convention, "whose defaults for eta, sum and first", one_of({"paper", "libmtl", "torchjd"}));
  f.field("eta", eta, "step size of the weights; default: the convention's, 0.01", at_least(0));
  f.field("sum", sum, "what the weights sum to: one, or the number of tasks; default: the convention's, one",
          one_of({"one", "tasks"}));
  f.field("first", first,
          "a task's first step without a warm-up: keep: its weight stays; raw: it grows with the excess risk itself; "
          "default: the convention's, keep",
          one_of({"keep", "raw"}));
  f.field(
      "warmup", warmup,
      "steps of a task over which its initial excess risk is averaged, its weight having no factor; the paper takes "
      "3 epochs",
      at_least(0));
}

Excess::Excess(const ExcessOptions& options) : warmup_(options.warmup) {
  const bool torchjd = options.convention == "torchjd";
  eta_ = options.eta.value_or(torchjd ? 1.0 : 0.01);
  epsilon_ = torchjd ? 1e-7 : 0.0;
  sum_to_tasks_ = options.sum.value_or(options.convention == "libmtl" ? "tasks" : "one") == "tasks";
  raw_first_ = options.first.value_or(torchjd ? "raw" : "keep") == "raw";
}

void Excess::setup(const std::vector<TaskInfo>& tasks) { reset(static_cast<int64_t>(tasks.size())); }

void Excess::reset(int64_t tasks) {
  const auto n = static_cast<size_t>(tasks);
  e0_.assign(n, 0.0);
  calls_.assign(n, 0.0);
  w_.assign(n, sum_to_tasks_ ? 1.0 : 1.0 / static_cast<double>(std::max<int64_t>(tasks, 1)));
}

// η times what the excess risk of a task counts in this step; keeps the record of its first steps.
double Excess::exponent(size_t task, double excess) {
  double& e0 = e0_[task];
  const double call = calls_[task]++;
  if (call < static_cast<double>(warmup_)) {
    e0 += excess / static_cast<double>(warmup_);
    return 0;
  }
  if (e0 == 0) {
    e0 = excess;
    return raw_first_ ? eta_ * excess : 0;
  }
  return eta_ * excess / (e0 + epsilon_);
}

void Excess::reweigh(const std::vector<int64_t>& tasks, const std::vector<double>& exponents) {
  double greatest = -std::numeric_limits<double>::infinity(), before = 0, after = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const double w = w_[static_cast<size_t>(tasks[i])];
    before += w;
    if (w > 0) greatest = std::max(greatest, exponents[i]);
  }
  if (!(before > 0)) return;
  for (size_t i = 0; i < tasks.size(); ++i) {
    double& w = w_[static_cast<size_t>(tasks[i])];
    if (w > 0) w *= std::exp(exponents[i] - greatest);
    after += w;
  }
  for (int64_t task : tasks) w_[static_cast<size_t>(task)] *= before / after;
}

GramWeights Excess::combine(const GradientRows& rows, const LossState&, at::Tensor&) {
  const at::NoGradGuard no_grad;
  check_rows("excess", rows, 1);
  prepare_state("excess", "S", rows, s_);
  if (static_cast<int64_t>(w_.size()) != rows.task_count) reset(rows.task_count);
  const auto s = state_rows(s_, rows.tasks), grads = each_row(rows.grads());
  std::vector<double> exponents;
  GramWeights result;
  auto& excess = result.shown["excess"];
  for (size_t i = 0; i < grads.size(); ++i) {
    excess.push_back(accumulate(s[i], grads[i]));
    exponents.push_back(exponent(static_cast<size_t>(rows.tasks[i]), excess.back()));
  }
  reweigh(rows.tasks, exponents);
  for (int64_t task : rows.tasks) result.w.push_back(w_[static_cast<size_t>(task)]);
  return result;
}

NamedTensors Excess::state() const {
  NamedTensors state = {{"e0", to_tensor(e0_)}, {"w", to_tensor(w_)}, {"calls", to_tensor(calls_)}};
  if (s_.defined()) state["S"] = s_.clone();
  return state;
}

void Excess::load_state(const NamedTensors& state) {
  const auto w = to_vector(saved(state, "excess", "w"));
  if (!w_.empty() && w.size() != w_.size())
    throw WorkError("excess: the saved weights are those of {} tasks, not of {}", w.size(), w_.size());
  w_ = w;
  e0_ = to_vector(saved(state, "excess", "e0"));
  calls_ = to_vector(saved(state, "excess", "calls"));
  s_ = state.count("S") != 0 ? state.at("S").clone() : at::Tensor();
}

void register_excess(BalancerRegistry& registry) {
  add_combiner<ExcessOptions>(registry, "excess", "Weights that grow with the tasks' excess risks (ExcessMTL)",
                              "He et al., Robust Multi-Task Learning with Excess Risks, ICML 2024",
                              [](const ExcessOptions& options) { return std::make_unique<Excess>(options); });
}

}  // namespace polytask
