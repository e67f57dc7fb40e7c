#pragma once
#include <polytask/allometry/name_index.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace polytask {

/// One tree, or one cell of a raster.
struct Observation {
  int32_t genus = -1;  ///< number among genera(), −1: missing
  int32_t group = 0;   ///< number among groups()
  double height_m = std::numeric_limits<double>::quiet_NaN();
  double biomass = std::numeric_limits<double>::quiet_NaN();  ///< NaN or infinite: missing
};

/// A stream of observations from a table, from rasters, …
class Observations {
 public:
  virtual ~Observations() = default;
  /// Replaces `block` by the next observations, some ten thousand; false, and an empty block, where none is left. May
  /// be called from another thread than before, while nothing else of the object is used.
  virtual bool read(std::vector<Observation>& block) = 0;
  /// What is read, for messages ("trees.csv").
  virtual std::string name() const = 0;
  /// Whether heights are of single precision, which holds 1.3 m as 1.29999995.
  virtual bool single_precision() const { return false; }
  const NameIndex& genera() const { return genera_; }
  const NameIndex& groups() const { return groups_; }  ///< one without a name where rows are not grouped

 protected:
  NameIndex genera_, groups_;
};

/// What became of the rows of a stream, each counted once, under the first reason that applies.
struct RowCounts {
  int64_t read = 0, kept = 0;
  int64_t genus_missing = 0, height_missing = 0, biomass_missing = 0;  ///< missing or not finite
  int64_t height_not_positive = 0, height_below = 0, biomass_not_positive = 0;
  /// Reasons with their counts, in words ("height below 1.3 m"), in the order above; those of 0 too.
  std::vector<std::pair<std::string, int64_t>> dropped(double min_height_m) const;
  /// "read 10, kept 7; dropped: 2 height below 1.3 m, 1 biomass not above 0"
  std::string text(double min_height_m) const;
};

/// The least height that is not below min_height in single precision, where that is less.
double single_precision_threshold(double min_height_m);

/// Whether a row takes part in a fit: genus, height and biomass are there, H ≥ min_height and H > 0, B > 0. Counts.
bool keep_row(const Observation& row, double min_height_m, RowCounts& counts);

}  // namespace polytask
