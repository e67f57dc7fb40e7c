#pragma once
#include <polytask/data/source.h>
#include <polytask/data/sources/raster_options.h>

#include <string>
#include <vector>

namespace polytask {

/// A block in columns and messages: scene, column and row of blocks from 0, "bauges/0,2".
std::string block_name(const std::string& scene, int64_t column, int64_t row);

/// The parts of the data that the user gives whole scenes or blocks of them to.
class RasterParts {
 public:
  explicit RasterParts(RasterPartOptions options = {}) : options_(std::move(options)) {}

  /// Part::unspecified where nothing is said. Throws InputError for a block that is given to two parts.
  Part of(const std::string& scene, int64_t column, int64_t row) const;
  /// Throws InputError for a name that fits none of `blocks` (as block_name() writes them).
  void check_names(const std::vector<std::string>& blocks) const;

 private:
  RasterPartOptions options_;
};

}  // namespace polytask
