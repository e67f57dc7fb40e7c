#include <polytask/balancing/combining/graddrop.h>
#include <polytask/balancing/combining/register.h>
#include <polytask/balancing/combining/rows.h>
#include <polytask/core/error.h>
#include <polytask/core/parallel.h>

#include <ATen/Dispatch.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

namespace polytask {
namespace {

constexpr int64_t kBlock = 512;  // columns whose masks are made at a time
constexpr int64_t kLanes = 16;

// Rows [T][samples · features], contiguous; sample b of row t starts at b · features.
template <class T>
struct Problem {
  const T* grads;
  const T* values;  // of the features; null where the columns' signs are the gradients'
  T* direction;
  const double* uniforms;
  std::vector<T> leak;
  double epsilon;
  int64_t samples, features;

  int64_t tasks() const { return static_cast<int64_t>(leak.size()); }
  const T* row(int64_t task, int64_t sample) const { return grads + (task * samples + sample) * features; }
};

// Of one block of columns: s_t, and by sign whether a gradient passes.
template <class T>
struct Block {
  int64_t begin, size;
  std::vector<T> s;  // [T][kBlock]
  std::array<T, kBlock> positive, negative;
};

template <class T>
void fill_sums(const Problem<T>& problem, Block<T>& block) {
  for (int64_t t = 0; t < problem.tasks(); ++t) {
    T* s = block.s.data() + t * kBlock;
    if (problem.values == nullptr) {
      std::copy_n(problem.row(t, 0) + block.begin, block.size, s);
      continue;
    }
    std::fill_n(s, block.size, T(0));
    for (int64_t b = 0; b < problem.samples; ++b) {
      const T* g = problem.row(t, b) + block.begin;
      const T* z = problem.values + b * problem.features + block.begin;
      for (int64_t c = 0; c < block.size; ++c) s[c] += static_cast<T>((z[c] > 0) - (z[c] < 0)) * g[c];
    }
  }
}

template <class T>
void draw_signs(const Problem<T>& problem, Block<T>& block) {
  std::array<double, kBlock> sum{}, absolute{};
  for (int64_t t = 0; t < problem.tasks(); ++t) {
    const T* s = block.s.data() + t * kBlock;
    for (size_t c = 0; c < static_cast<size_t>(block.size); ++c) {
      sum[c] += static_cast<double>(s[c]);
      absolute[c] += std::abs(static_cast<double>(s[c]));
    }
  }
  for (size_t c = 0; c < static_cast<size_t>(block.size); ++c) {
    const double whole = absolute[c] + problem.epsilon;
    const double purity = whole > 0 ? 0.5 * (1 + sum[c] / whole) : 0.5;
    const double uniform = problem.uniforms[block.begin + static_cast<int64_t>(c)];
    block.positive[c] = static_cast<T>(purity > uniform);
    block.negative[c] = static_cast<T>(purity < uniform);
  }
}

// Adds what passes of n gradients to `out`; `some` and `all` are its squares, a partial sum a lane, which lets the
// compiler use vector instructions.
template <class T>
inline void pass_lanes(T leak, const T* __restrict s, const T* __restrict positive, const T* __restrict negative,
                       const T* __restrict g, T* __restrict out, T* __restrict some, T* __restrict all, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T mask = static_cast<T>(s[i] > 0) * positive[i] + static_cast<T>(s[i] < 0) * negative[i];
    const T part = (leak + (1 - leak) * mask) * g[i];
    out[i] += part;
    some[i] += part * g[i];
    all[i] += g[i] * g[i];
  }
}

template <class T>
void add_passed(const Problem<T>& problem, const Block<T>& block, int64_t task, double* passed, double* whole) {
  const T leak = problem.leak[static_cast<size_t>(task)];
  const T* s = block.s.data() + task * kBlock;
  const T *positive = block.positive.data(), *negative = block.negative.data();
  for (int64_t b = 0; b < problem.samples; ++b) {
    const T* g = problem.row(task, b) + block.begin;
    T* out = problem.direction + b * problem.features + block.begin;
    T some[kLanes] = {}, all[kLanes] = {};
    int64_t c = 0;
    for (; c + kLanes <= block.size; c += kLanes)
      pass_lanes(leak, s + c, positive + c, negative + c, g + c, out + c, some, all, kLanes);
    pass_lanes(leak, s + c, positive + c, negative + c, g + c, out + c, some, all, block.size - c);
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      *passed += static_cast<double>(some[lane]);
      *whole += static_cast<double>(all[lane]);
    }
  }
}

// Fills the direction (zeros) and returns w. The sums of blocks are added in the order of the blocks.
template <class T>
std::vector<double> drop_signs(const Problem<T>& problem) {
  const int64_t blocks = (problem.features + kBlock - 1) / kBlock, tasks = problem.tasks();
  std::vector<double> squares(static_cast<size_t>(2 * blocks * tasks), 0.0);
  parallel_ranges(blocks, 8, [&](int64_t first, int64_t last) {
    Block<T> block;
    block.s.resize(static_cast<size_t>(tasks * kBlock));
    for (int64_t i = first; i < last; ++i) {
      block.begin = i * kBlock;
      block.size = std::min(kBlock, problem.features - block.begin);
      fill_sums(problem, block);
      draw_signs(problem, block);
      double* sums = squares.data() + 2 * i * tasks;
      for (int64_t t = 0; t < tasks; ++t) add_passed(problem, block, t, sums + 2 * t, sums + 2 * t + 1);
    }
  });
  std::vector<double> w;
  for (int64_t t = 0; t < tasks; ++t) {
    double passed = 0, whole = 0;
    for (int64_t i = 0; i < blocks; ++i) {
      passed += squares[static_cast<size_t>(2 * (i * tasks + t))];
      whole += squares[static_cast<size_t>(2 * (i * tasks + t) + 1)];
    }
    w.push_back(whole > 0 ? passed / whole : 1);
  }
  return w;
}

}  // namespace

void GraddropOptions::fields(Fields& f) {
  f.field("convention", convention, "whose defaults for epsilon, and what the columns of a representation are",
          one_of({"paper", "libmtl", "torchjd"}));
  f.field("leak", leak, "share of the gradients of the other sign that passes, one number or one per task",
          between(0, 1));
  f.field("epsilon", epsilon, "added to Σ|s_t|; default: the convention's, 0", at_least(0));
}

Graddrop::Graddrop(const GraddropOptions& options)
    : leak_(options.leak),
      epsilon_(options.epsilon.value_or(options.convention == "libmtl" ? 1e-7 : 0.0)),
      by_feature_(options.convention != "torchjd") {
  if (leak_.empty()) throw InputError("balancing.leak: the list is empty: give one number, or one for each task");
}

void Graddrop::setup(const std::vector<TaskInfo>& tasks) {
  if (leak_.size() != 1 && leak_.size() != tasks.size())
    throw InputError("balancing.leak: {} values for {} tasks: give one number, or one for each task", leak_.size(),
                     tasks.size());
}

double Graddrop::leak_of(int64_t task) const {
  return leak_.size() == 1 ? leak_[0] : leak_.at(static_cast<size_t>(task));
}

GramWeights Graddrop::combine(const GradientRows& rows, const LossState& state, at::Tensor& direction) {
  const at::NoGradGuard no_grad;
  check_rows("graddrop", rows, 1);
  if (state.draws == nullptr) throw WorkError("graddrop: a step needs draws, and none were supplied");
  const bool by_feature = by_feature_ && rows.representation.defined();
  const int64_t samples = by_feature && rows.representation.dim() > 1 ? rows.representation.size(0) : 1;
  const int64_t features = rows.columns() / std::max<int64_t>(samples, 1);
  if (by_feature && rows.representation.numel() != rows.columns())
    throw WorkError("graddrop: a representation of {} values, but gradients of {}", rows.representation.numel(),
                    rows.columns());
  const auto uniforms = state.draws->uniforms("graddrop/uniform", features);
  GramWeights result;
  AT_DISPATCH_FLOATING_TYPES(rows.grads().scalar_type(), "graddrop", [&] {
    const at::Tensor grads = rows.grads().cpu().contiguous(), out = direction.cpu();
    const at::Tensor values =
        by_feature ? rows.representation.detach().to(at::kCPU, grads.scalar_type()).contiguous() : at::Tensor();
    Problem<scalar_t> problem{grads.data_ptr<scalar_t>(),
                              by_feature ? values.data_ptr<scalar_t>() : nullptr,
                              out.data_ptr<scalar_t>(),
                              uniforms.data(),
                              {},
                              epsilon_,
                              samples,
                              features};
    for (int64_t task : rows.tasks) problem.leak.push_back(static_cast<scalar_t>(leak_of(task)));
    result.w = drop_signs(problem);
    if (!direction.is_cpu()) direction.copy_(out);
  });
  return result;
}

void register_graddrop(BalancerRegistry& registry) {
  add_combiner<GraddropOptions>(registry, "graddrop", "In every column only gradients of one drawn sign (GradDrop)",
                                "Chen et al., Just Pick a Sign, NeurIPS 2020",
                                [](const GraddropOptions& options) { return std::make_unique<Graddrop>(options); });
}

}  // namespace polytask
