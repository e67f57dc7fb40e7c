#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace polytask {

/// Count, means and co-moments Σ (u − ū)(v − v̄) of up to two regression columns and y, accumulated one row at a time
/// about the running centre (Welford, Technometrics 4, 1962, for several variables), so that no digits are lost however
/// many rows there are and wherever they lie. All that a linear fit needs of its rows.
class Moments {
 public:
  static constexpr int kMostColumns = 2;
  static constexpr int kY = kMostColumns;  ///< place of y among the variables

  int64_t n() const { return n_; }
  double mean(int variable) const { return mean_[static_cast<size_t>(variable)]; }
  /// Symmetric.
  double sum(int a, int b) const { return sums_[place(a, b)]; }

  /// `columns`: 1 or 2 of them; the second is 0 where there is one.
  template <int kColumns>
  void add(const double* columns, double y) {
    ++n_;
    const double share = 1 / static_cast<double>(n_);
    const double dy = y - mean_[2];
    mean_[2] += dy * share;
    const double rest_y = y - mean_[2];
    const double d0 = columns[0] - mean_[0];
    mean_[0] += d0 * share;
    const double rest0 = columns[0] - mean_[0];
    sums_[0] += d0 * rest0;
    sums_[2] += d0 * rest_y;
    sums_[5] += dy * rest_y;
    if constexpr (kColumns == 2) {
      const double d1 = columns[1] - mean_[1];
      mean_[1] += d1 * share;
      const double rest1 = columns[1] - mean_[1];
      sums_[1] += d0 * rest1;
      sums_[3] += d1 * rest1;
      sums_[4] += d1 * rest_y;
    }
  }
  /// As if the other's rows had been added too (Chan, Golub and LeVeque, The American Statistician 37, 1983).
  void merge(const Moments& other);

 private:
  static size_t place(int a, int b) {
    constexpr std::array<size_t, 9> places = {0, 1, 2, 1, 3, 4, 2, 4, 5};
    return places[3 * static_cast<size_t>(a) + static_cast<size_t>(b)];
  }

  int64_t n_ = 0;
  std::array<double, 3> mean_{};
  std::array<double, 6> sums_{};  // upper triangle, row by row
};

}  // namespace polytask
