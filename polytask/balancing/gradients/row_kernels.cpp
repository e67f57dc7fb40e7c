#include <polytask/balancing/gradients/row_kernels.h>
#include <polytask/core/parallel.h>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <memory>

namespace polytask {
namespace {

constexpr int64_t kTileRows = 4, kTileCols = 3;  // rows by rows whose products are held in registers
constexpr int64_t kChunkBytes = 128 << 10;       // of all rows together, packed: stays in the second cache

template <class T>
using Rows = std::vector<const T*>;

#if defined(__x86_64__)
#define POLYTASK_WIDE __attribute__((target("avx2,fma")))
#else
#define POLYTASK_WIDE
#endif

// Rows of one chunk, packed one after the other; `stride` from row to row.
template <class T>
struct Chunk {
  const T* data;
  int64_t stride, columns;
  const T* row(int64_t i) const { return data + i * stride; }
};

// Products of kRows by kCols rows, added to `gram` at (i, j). Inlined into callers for two instruction sets.
template <class T, int kLanes, int kRows, int kCols>
__attribute__((always_inline)) inline void tile_products(const Chunk<T>& a, const Chunk<T>& b, int64_t i, int64_t j,
                                                         Matrix& gram) {
  typedef T Vector __attribute__((vector_size(kLanes * sizeof(T)), aligned(alignof(T))));
  Vector parts[kRows][kCols] = {};
  int64_t c = 0;
  for (; c + kLanes <= a.columns; c += kLanes) {
    Vector right[kCols];
    for (int k = 0; k < kCols; ++k) right[k] = *reinterpret_cast<const Vector*>(b.row(j + k) + c);
    for (int r = 0; r < kRows; ++r) {
      const Vector left = *reinterpret_cast<const Vector*>(a.row(i + r) + c);
      for (int k = 0; k < kCols; ++k) parts[r][k] += left * right[k];
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int k = 0; k < kCols; ++k) {
      T sum = 0;
      for (int lane = 0; lane < kLanes / 2; ++lane) sum += parts[r][k][lane] + parts[r][k][lane + kLanes / 2];
      for (int64_t rest = c; rest < a.columns; ++rest) sum += a.row(i + r)[rest] * b.row(j + k)[rest];
      gram(i + r, j + k) += static_cast<double>(sum);
    }
}

template <class T, int kLanes, int kRows>
__attribute__((always_inline)) inline void row_of_tiles(const Chunk<T>& a, const Chunk<T>& b, int64_t i, Matrix& gram) {
  for (int64_t j = i; j < gram.rows(); j += kTileCols) {
    const int64_t width = gram.rows() - j;
    if (width >= 3)
      tile_products<T, kLanes, kRows, 3>(a, b, i, j, gram);
    else if (width == 2)
      tile_products<T, kLanes, kRows, 2>(a, b, i, j, gram);
    else
      tile_products<T, kLanes, kRows, 1>(a, b, i, j, gram);
  }
}

template <class T, int kLanes>
__attribute__((always_inline)) inline void chunk_products(const Chunk<T>& a, const Chunk<T>& b, Matrix& gram) {
  for (int64_t i = 0; i < gram.rows(); i += kTileRows) {
    const int64_t height = gram.rows() - i;
    if (height >= 4)
      row_of_tiles<T, kLanes, 4>(a, b, i, gram);
    else if (height == 3)
      row_of_tiles<T, kLanes, 3>(a, b, i, gram);
    else if (height == 2)
      row_of_tiles<T, kLanes, 2>(a, b, i, gram);
    else
      row_of_tiles<T, kLanes, 1>(a, b, i, gram);
  }
}

template <class T>
POLYTASK_WIDE void wide_products(const Chunk<T>& a, const Chunk<T>& b, Matrix& gram) {
  chunk_products<T, 32 / sizeof(T)>(a, b, gram);
}

template <class T>
void plain_products(const Chunk<T>& a, const Chunk<T>& b, Matrix& gram) {
  chunk_products<T, 16 / sizeof(T)>(a, b, gram);
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

// Copies the rows' columns from `begin` on next to each other: rows that lie whole pages apart would fight for the same
// lines of the cache.
template <class T>
Chunk<T> pack(const Rows<T>& rows, int64_t begin, int64_t columns, std::vector<T>& scratch) {
  const auto line = static_cast<int64_t>(64 / sizeof(T));
  const int64_t stride = ((columns + line - 1) / line | 1) * line;
  size_t room = (rows.size() * static_cast<size_t>(stride) + static_cast<size_t>(line)) * sizeof(T);
  scratch.resize(room / sizeof(T));
  void* start = scratch.data();
  T* data = static_cast<T*>(std::align(64, room - 64, start, room));
  for (size_t r = 0; r < rows.size(); ++r)
    std::copy(rows[r] + begin, rows[r] + begin + columns, data + static_cast<int64_t>(r) * stride);
  return {data, stride, columns};
}

// Threads take whole ranges of chunks; their partial sums are added in the order of the ranges, so that a result does
// not depend on which thread was first.
template <class T>
void add_products(const Rows<T>& a, const Rows<T>& b, int64_t columns, Matrix& gram) {
  const auto rows = static_cast<int64_t>(a.size());
  const int64_t size = std::clamp<int64_t>(kChunkBytes / (rows * static_cast<int64_t>(sizeof(T))) / 64 * 64, 256, 4096);
  const int64_t chunks = (columns + size - 1) / size;
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), std::max<int64_t>(1, chunks / 4));
  std::vector<Matrix> parts(static_cast<size_t>(threads));
  parallel_ranges(threads, 1, [&](int64_t first, int64_t last) {
    std::vector<T> left, right;
    for (int64_t part = first; part < last; ++part) {
      Matrix& sums = parts[static_cast<size_t>(part)];
      sums.resize(rows, rows);
      for (int64_t k = chunks * part / threads; k < chunks * (part + 1) / threads; ++k) {
        const int64_t begin = k * size, n = std::min(size, columns - begin);
        const Chunk<T> packed_a = pack(a, begin, n, left);
        const Chunk<T> packed_b = a == b ? packed_a : pack(b, begin, n, right);
        if (is_wide())
          wide_products<T>(packed_a, packed_b, sums);
        else
          plain_products<T>(packed_a, packed_b, sums);
      }
    }
  });
  // Tiles on the diagonal also have entries below it, which are left alone.
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

constexpr int64_t kRowsAtOnce = 4;

// out[c] (+)= Σ_r w_r row_r[c] over a chunk, kRowsAtOnce rows in one pass over it. Inlined into callers for two
// instruction sets.
template <class T>
__attribute__((always_inline)) inline void combine_chunk(const Rows<T>& rows, const std::vector<T>& w, int64_t begin,
                                                         int64_t end, T* out) {
  size_t r = 0;
  for (; r + kRowsAtOnce <= rows.size(); r += kRowsAtOnce) {
    const T *a = rows[r], *b = rows[r + 1], *c = rows[r + 2], *d = rows[r + 3];
    const T wa = w[r], wb = w[r + 1], wc = w[r + 2], wd = w[r + 3];
    for (int64_t i = begin; i < end; ++i) out[i] += wa * a[i] + wb * b[i] + wc * c[i] + wd * d[i];
  }
  for (; r < rows.size(); ++r) {
    const T* a = rows[r];
    const T wa = w[r];
    for (int64_t i = begin; i < end; ++i) out[i] += wa * a[i];
  }
}

template <class T>
POLYTASK_WIDE void wide_combine(const Rows<T>& rows, const std::vector<T>& w, int64_t begin, int64_t end, T* out) {
  combine_chunk(rows, w, begin, end, out);
}

template <class T>
void plain_combine(const Rows<T>& rows, const std::vector<T>& w, int64_t begin, int64_t end, T* out) {
  combine_chunk(rows, w, begin, end, out);
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
    Rows<scalar_t> from;
    std::vector<scalar_t> factors;
    for (size_t r = 0; r < rows.size(); ++r) {
      if (w[r] == 0) continue;
      from.push_back(rows[r].data_ptr<scalar_t>());
      factors.push_back(static_cast<scalar_t>(w[r]));
    }
    scalar_t* to = out.data_ptr<scalar_t>();
    constexpr int64_t kChunk = 1024;
    parallel_ranges(out.numel(), 8 * kChunk, [&](int64_t first, int64_t last) {
      for (int64_t begin = first; begin < last; begin += kChunk) {
        const int64_t end = std::min(begin + kChunk, last);
        if (overwrite) std::fill(to + begin, to + end, scalar_t(0));
        if (is_wide())
          wide_combine(from, factors, begin, end, to);
        else
          plain_combine(from, factors, begin, end, to);
      }
    });
  });
}

}  // namespace polytask
