#include <polytask/balancing/combining/register.h>
#include <polytask/balancing/combining/rows.h>
#include <polytask/balancing/combining/trimmed_mean.h>
#include <polytask/core/error.h>
#include <polytask/core/parallel.h>

#include <ATen/Dispatch.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <memory>

namespace polytask {
namespace {

constexpr int64_t kBlock = 256;  // columns that are sorted side by side

// a ← the smaller, b ← the greater of each column.
template <class T>
void exchange(T* __restrict a, T* __restrict b, int64_t n) {
  for (int64_t c = 0; c < n; ++c) {
    const T low = std::min(a[c], b[c]), high = std::max(a[c], b[c]);
    a[c] = low;
    b[c] = high;
  }
}

// Brings the k least of every column to the first k rows of [rows][kBlock] and the k greatest to the last k.
template <class T>
void move_extremes(T* values, int64_t rows, int64_t k, int64_t n) {
  for (int64_t pass = 0; pass < k; ++pass) {
    for (int64_t i = pass; i + 1 < rows - pass; ++i) exchange(values + i * kBlock, values + (i + 1) * kBlock, n);
    for (int64_t i = rows - pass - 2; i > pass; --i) exchange(values + (i - 1) * kBlock, values + i * kBlock, n);
  }
}

template <class T>
struct Problem {
  const T* grads;  // [rows][columns]
  T* direction;
  int64_t rows, columns, k;
};

// The mean of the rows kept, and their range: least to `low`, greatest to `high`.
template <class T>
void average(const Problem<T>& problem, const T* values, int64_t n, T* __restrict out, T* __restrict low,
             T* __restrict high) {
  std::copy_n(values + problem.k * kBlock, n, low);
  std::copy_n(low, n, high);
  std::copy_n(low, n, out);
  for (int64_t i = problem.k + 1; i < problem.rows - problem.k; ++i) {
    const T* row = values + i * kBlock;
    for (int64_t c = 0; c < n; ++c) {
      out[c] += row[c];
      low[c] = std::min(low[c], row[c]);
      high[c] = std::max(high[c], row[c]);
    }
  }
  const T share = T(1) / static_cast<T>(problem.rows - 2 * problem.k);
  for (int64_t c = 0; c < n; ++c) out[c] *= share;
}

// Fills the direction and returns in how many columns each row is kept.
template <class T>
std::vector<int64_t> trim_columns(const Problem<T>& problem) {
  const int64_t blocks = (problem.columns + kBlock - 1) / kBlock, rows = problem.rows;
  std::vector<int32_t> kept(static_cast<size_t>(blocks * rows), 0);
  parallel_ranges(blocks, 16, [&](int64_t first, int64_t last) {
    std::vector<T> values(static_cast<size_t>((rows + 2) * kBlock));
    T* low = values.data() + rows * kBlock;
    T* high = low + kBlock;
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * kBlock, n = std::min(kBlock, problem.columns - begin);
      const T* grads = problem.grads + begin;
      for (int64_t i = 0; i < rows; ++i) std::copy_n(grads + i * problem.columns, n, values.data() + i * kBlock);
      move_extremes(values.data(), rows, problem.k, n);
      average(problem, values.data(), n, problem.direction + begin, low, high);
      for (int64_t i = 0; i < rows; ++i) {
        const T* row = grads + i * problem.columns;
        int32_t count = 0;
        for (int64_t c = 0; c < n; ++c)
          count += static_cast<int32_t>(row[c] >= low[c]) & static_cast<int32_t>(row[c] <= high[c]);
        kept[static_cast<size_t>(block * rows + i)] = count;
      }
    }
  });
  std::vector<int64_t> counts(static_cast<size_t>(rows), 0);
  for (size_t i = 0; i < kept.size(); ++i) counts[i % counts.size()] += kept[i];
  return counts;
}

}  // namespace

void TrimmedMeanOptions::fields(Fields& f) {
  f.field("trim", trim, "entries dropped at each end of a column; default: 1, or 0 for one or two tasks", at_least(0));
}

void TrimmedMean::setup(const std::vector<TaskInfo>& tasks) {
  const auto count = static_cast<int64_t>(tasks.size());
  if (trim_ && count < 2 * *trim_ + 1)
    throw InputError("balancing.trim: dropping {} at each end needs at least {} tasks, and there are {}", *trim_,
                     2 * *trim_ + 1, count);
}

GramWeights TrimmedMean::combine(const GradientRows& rows, const LossState&, at::Tensor& direction) {
  const at::NoGradGuard no_grad;
  check_rows("trimmed_mean", rows, 1);
  const int64_t k = std::min(trim_.value_or(1), (rows.rows() - 1) / 2);
  GramWeights result;
  AT_DISPATCH_FLOATING_TYPES(rows.grads().scalar_type(), "trimmed_mean", [&] {
    const at::Tensor grads = rows.grads().cpu().contiguous(), out = direction.cpu();
    const auto kept = trim_columns(
        Problem<scalar_t>{grads.data_ptr<scalar_t>(), out.data_ptr<scalar_t>(), rows.rows(), rows.columns(), k});
    for (int64_t count : kept)
      result.w.push_back(static_cast<double>(count) / static_cast<double>(rows.columns() * (rows.rows() - 2 * k)));
    if (!direction.is_cpu()) direction.copy_(out);
  });
  return result;
}

void register_trimmed_mean(BalancerRegistry& registry) {
  add_combiner<TrimmedMeanOptions>(
      registry, "trimmed_mean", "Column by column the mean without the extremes", "Yin et al., ICML 2018",
      [](const TrimmedMeanOptions& options) { return std::make_unique<TrimmedMean>(options); });
}

}  // namespace polytask
