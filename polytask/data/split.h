#pragma once
#include <polytask/core/options.h>
#include <polytask/data/source.h>

#include <string>
#include <vector>

namespace polytask {

/// How rows are divided. Parts given by the files are kept; shares are taken from what the files leave open or, for
/// `validation` and `test` where the files give none, from their training rows.
struct SplitOptions {
  double validation = 0;   ///< share in [0, 1)
  double test = 0;         ///< share in [0, 1)
  std::string column;      ///< a column whose values name the part (train, validation/val/dev, test)
  std::string group;       ///< rows with equal values of this column (person, site) never part
  std::string stratify;    ///< keep this column's class shares in every part
  int64_t seed = -1;       ///< −1: the experiment's
  bool warn_leaks = true;  ///< warn when a column that looks like an identifier repeats across parts
  void fields(Fields& f);
};

struct Split {
  std::vector<int64_t> train, validation, test;  ///< rows, ascending
};

/// Every share is exact but for rounding (with `group`, as near as whole groups come), and drawn from the stream
/// (seed, "data/split"). Throws InputError for an unknown column or part value, shares that leave no training row or
/// come to no row at all, a share of a part that the files give already, group with stratify, a row without a group,
/// a group that the files themselves have in several parts, and what check_neighbours() refuses. A source of several
/// data sets: split_data_sets().
Split make_split(const Source& source, const SplitOptions& options, uint64_t seed);

/// The part of every row as the files, or the column of `options`, assign it. Throws InputError for a value of that
/// column that names no part.
std::vector<Part> given_parts(const Source& source, const SplitOptions& options);

/// Throws InputError where a share would be drawn row by row of rows that may lie side by side; `open` are those that
/// are divided.
void check_neighbours(const Source& source, const SplitOptions& options, const std::vector<int64_t>& open);

/// Throws InputError for shares that leave no training row and for group with stratify.
void check_split_options(const SplitOptions& options);

}  // namespace polytask
