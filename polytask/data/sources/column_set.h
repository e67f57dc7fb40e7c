#pragma once
#include <polytask/data/source.h>

#include <map>
#include <string>
#include <vector>

namespace polytask {

/// Columns by name, in the order in which they were added.
class ColumnSet {
 public:
  /// Throws InputError for a name that is taken.
  void add(const std::string& name, Column column);
  const std::vector<std::string>& names() const { return names_; }
  /// Throws InputError (with suggestion) where there is no such column; `where` names the data.
  const Column& at(const std::string& name, const std::string& where) const;

 private:
  std::vector<std::string> names_;
  std::map<std::string, Column> columns_;
};

/// Throws InputError, with suggestion, where `name` is not among `known`; `what` begins the message.
void require_known(const std::string& name, const std::vector<std::string>& known, const std::string& what);

}  // namespace polytask
