#pragma once
#include <polytask/data/split.h>

#include <string>
#include <vector>

namespace polytask {

/// make_split() for a source of several data sets. Each is divided by itself, so that shares are exact in each: by
/// its own options where it has some, by `options` otherwise. Data sets that are grouped by columns of the same name
/// are divided together: equal values part nowhere, and the shares of each set come as near as whole groups allow.
Split split_data_sets(const Source& source, const SplitOptions& options, uint64_t seed);

/// The options by which each of the data sets is divided. Throws InputError, with the place, for a bad one.
std::vector<SplitOptions> split_options_of(const std::vector<DataSetRange>& sets, const SplitOptions& outer);

}  // namespace polytask
