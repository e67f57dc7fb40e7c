#pragma once
#include <polytask/data/split.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace polytask {

/// Columns that look like identifiers of persons, sites, objects (by a word of their name: subject, patient, id, plot,
/// …), are no target, hold each value in 2 rows or more on average, and have values in more than one part. One sentence
/// each. Of several data sets, a column that all of them have under one name is looked at across them.
std::vector<std::string> find_leaks(const Source& source, const Split& split, const std::vector<std::string>& targets);

/// In how many parts each value of a column occurs.
std::map<std::string, int64_t> parts_by_value(const Column& column, const Split& split);

}  // namespace polytask
