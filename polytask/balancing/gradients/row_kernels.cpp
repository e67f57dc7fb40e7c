#include <polytask/balancing/gradients/row_kernels.h>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <mutex>

namespace polytask {
namespace {

constexpr int64_t kTile = 3;              // rows by rows whose products are held in registers
constexpr int64_t kTileBytes = 32 << 10;  // of all rows together: the nearest cache

template <class T>
using Rows = std::vector<const T*>;

#if defined(__x86_64__)
#define POLYTASK_WIDE __attribute__((target("avx2,fma")))
#else
#define POLYTASK_WIDE
#endif

// Products of up to kTile by kTile rows over n columns. Inlined into callers for two instruction sets.
template <class T, int kLanes>
__attribute__((always_inline)) inline void tile_products(const T* const* a, int64_t na, const T* const* b, int64_t nb,
                                                         int64_t n, double (*sums)[kTile]) {
  typedef T Vector __attribute__((vector_size(kLanes * sizeof(T)), aligned(alignof(T))));
  Vector parts[kTile][kTile] = {};
  int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) {
    for (int64_t i = 0; i < kTile; ++i) {
      const Vector left = *reinterpret_cast<const Vector*>(a[i] + c);
      for (int64_t j = 0; j < kTile; ++j) parts[i][j] += left * *reinterpret_cast<const Vector*>(b[j] + c);
    }
  }
  for (int64_t i = 0; i < na; ++i)
    for (int64_t j = 0; j < nb; ++j) {
      double sum = 0;
      for (int lane = 0; lane < kLanes; ++lane) sum += parts[i][j][lane];
      for (int64_t rest = c; rest < n; ++rest) sum += static_cast<double>(a[i][rest]) * b[j][rest];
      sums[i][j] = sum;
    }
}

template <class T, int kLanes>
__attribute__((always_inline)) inline void range_products(const Rows<T>& a, const Rows<T>& b, int64_t begin, int64_t n,
                                                          Matrix& gram) {
  const auto rows = static_cast<int64_t>(a.size());
  double sums[kTile][kTile];
  const T* left[kTile];
  const T* right[kTile];
  for (int64_t i = 0; i < rows; i += kTile) {
    const int64_t ni = std::min(kTile, rows - i);
    for (int64_t k = 0; k < kTile; ++k) left[k] = a[static_cast<size_t>(i + std::min(k, ni - 1))] + begin;
    for (int64_t j = i; j < rows; j += kTile) {
      const int64_t nj = std::min(kTile, rows - j);
      for (int64_t k = 0; k < kTile; ++k) right[k] = b[static_cast<size_t>(j + std::min(k, nj - 1))] + begin;
      tile_products<T, kLanes>(left, ni, right, nj, n, sums);
      for (int64_t di = 0; di < ni; ++di)
        for (int64_t dj = 0; dj < nj; ++dj) gram(i + di, j + dj) += sums[di][dj];
    }
  }
}

template <class T>
POLYTASK_WIDE void wide_products(const Rows<T>& a, const Rows<T>& b, int64_t begin, int64_t n, Matrix& gram) {
  range_products<T, 32 / sizeof(T)>(a, b, begin, n, gram);
}

template <class T>
void plain_products(const Rows<T>& a, const Rows<T>& b, int64_t begin, int64_t n, Matrix& gram) {
  range_products<T, 16 / sizeof(T)>(a, b, begin, n, gram);
}

bool is_wide() {
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return wide;
#else
  return false;
#endif
}

template <class T>
Rows<T> pointers(const std::vector<at::Tensor>& rows) {
  Rows<T> result;
  for (const auto& row : rows) result.push_back(row.data_ptr<T>());
  return result;
}

// Threads take whole ranges of tiles; their partial sums are added in the order of the ranges, so that a result does
// not depend on which thread was first.
template <class T>
void add_products(const Rows<T>& a, const Rows<T>& b, int64_t columns, Matrix& gram) {
  const auto rows = static_cast<int64_t>(a.size());
  const int64_t tile = std::max<int64_t>(64, kTileBytes / (rows * static_cast<int64_t>(sizeof(T))) / 32 * 32);
  const int64_t tiles = (columns + tile - 1) / tile;
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), std::max<int64_t>(1, tiles / 4));
  std::vector<Matrix> parts(static_cast<size_t>(threads));
  at::parallel_for(0, threads, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      Matrix& sums = parts[static_cast<size_t>(part)];
      sums.resize(rows, rows);
      for (int64_t t = tiles * part / threads; t < tiles * (part + 1) / threads; ++t) {
        const int64_t begin = t * tile, n = std::min(tile, columns - begin);
        if (is_wide())
          wide_products<T>(a, b, begin, n, sums);
        else
          plain_products<T>(a, b, begin, n, sums);
      }
    }
  });
  for (const Matrix& sums : parts)
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = i; j < rows; ++j) {
        gram(i, j) += sums(i, j);
        if (j != i) gram(j, i) += sums(i, j);
      }
}

void add_products_elsewhere(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, Matrix& gram) {
  const auto flat = [](const std::vector<at::Tensor>& rows) {
    return at::stack(rows).reshape({static_cast<int64_t>(rows.size()), -1});
  };
  const at::Tensor products = at::mm(flat(a), flat(b).t()).to(at::kCPU, at::kDouble).contiguous();
  for (int64_t i = 0; i < gram.rows(); ++i)
    for (int64_t j = 0; j < gram.rows(); ++j)
      gram(i, j) += products.data_ptr<double>()[std::min(i, j) * gram.rows() + std::max(i, j)];
}

}  // namespace

void add_inner_products(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, Matrix& gram) {
  if (a.empty() || a[0].numel() == 0) return;
  if (!a[0].is_cpu()) return add_products_elsewhere(a, b, gram);
  AT_DISPATCH_FLOATING_TYPES(a[0].scalar_type(), "add_inner_products", [&] {
    add_products<scalar_t>(pointers<scalar_t>(a), pointers<scalar_t>(b), a[0].numel(), gram);
  });
}

void add_weighted_rows(const std::vector<at::Tensor>& rows, const std::vector<double>& w, const at::Tensor& out,
                       bool overwrite) {
  if (!out.is_cpu()) {
    if (overwrite) out.zero_();
    for (size_t r = 0; r < rows.size(); ++r) out.view({-1}).add_(rows[r].view({-1}), w[r]);
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "add_weighted_rows", [&] {
    const auto from = pointers<scalar_t>(rows);
    scalar_t* to = out.data_ptr<scalar_t>();
    constexpr int64_t kChunk = 2048;
    at::parallel_for(0, out.numel(), 4 * kChunk, [&](int64_t first, int64_t last) {
      for (int64_t begin = first; begin < last; begin += kChunk) {
        const int64_t end = std::min(begin + kChunk, last);
        if (overwrite) std::fill(to + begin, to + end, scalar_t(0));
        for (size_t r = 0; r < from.size(); ++r) {
          const auto factor = static_cast<scalar_t>(w[r]);
          if (factor == 0) continue;
          const scalar_t* row = from[r];
          for (int64_t c = begin; c < end; ++c) to[c] += factor * row[c];
        }
      }
    });
  });
}

}  // namespace polytask
