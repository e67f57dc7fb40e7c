#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/data/sources/column_set.h>

#include <algorithm>
#include <utility>

namespace polytask {

void ColumnSet::add(const std::string& name, Column column) {
  if (!columns_.emplace(name, std::move(column)).second) throw InputError("two columns have the name \"{}\"", name);
  names_.push_back(name);
}

const Column& ColumnSet::at(const std::string& name, const std::string& where) const {
  require_known(name, names_, where);
  return columns_.at(name);
}

void require_known(const std::string& name, const std::vector<std::string>& known, const std::string& what) {
  if (std::find(known.begin(), known.end(), name) == known.end())
    throw InputError("{}: there is no column \"{}\"{}", what, name, did_you_mean(name, known));
}

}  // namespace polytask
