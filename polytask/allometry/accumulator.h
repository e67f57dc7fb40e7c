#pragma once
#include <polytask/allometry/law.h>
#include <polytask/allometry/moments.h>

#include <cstdint>
#include <vector>

namespace polytask {

/// Sufficient statistics of a law for each genus, and for each candidate of its shape parameter, from rows that come
/// one by one: O(genera × candidates) memory, whatever the number of rows.
class Accumulator {
 public:
  /// `shapes`: candidates of the shape parameter, one 0 for laws without.
  Accumulator(const Law& law, std::vector<double> shapes);

  /// Natural logarithms of height (m) and biomass.
  void add(int64_t genus, double log_height, double log_biomass);

  /// As if the rows of the first genus of another accumulator, of the same candidates, had been added to `genus`.
  void merge(int64_t genus, const Accumulator& other);

  const Law& law() const { return *law_; }
  const std::vector<double>& shapes() const { return shapes_; }
  int64_t genera() const { return static_cast<int64_t>(ranges_.size()); }
  /// Makes room, so that genera without rows are there too.
  void reserve(int64_t genera);
  const Moments& moments(int64_t genus, size_t shape) const {
    return moments_[static_cast<size_t>(genus) * shapes_.size() + shape];
  }
  /// Of all genera, for one candidate.
  std::vector<Moments> of_shape(size_t shape) const;
  int64_t rows() const;

  struct Range {
    double lowest = 0, highest = 0;  ///< log H; both 0 where there is no row
  };
  const Range& range(int64_t genus) const { return ranges_[static_cast<size_t>(genus)]; }

 private:
  const Law* law_;
  std::vector<double> shapes_;
  std::vector<Moments> moments_;  // [genus][shape]
  std::vector<Range> ranges_;
};

}  // namespace polytask
