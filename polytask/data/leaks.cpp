#include <polytask/core/error.h>
#include <polytask/data/leaks.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace polytask {
namespace {

using Rows = std::vector<int64_t>;

// "Subject#", "plot_id", "siteName" → their words in lower case.
std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words(1);
  bool was_lower = false;
  for (const char c : name) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalpha(letter) == 0 || (was_lower && std::isupper(letter) != 0)) words.emplace_back();
    if (std::isalpha(letter) != 0) words.back() += static_cast<char>(std::tolower(letter));
    was_lower = std::islower(letter) != 0;
  }
  words.erase(std::remove(words.begin(), words.end(), ""), words.end());
  return words;
}

bool looks_like_identifier(const std::string& name) {
  static const std::set<std::string> identifiers = {"subject", "patient", "person", "id",    "study",
                                                    "site",    "plot",    "user",   "group", "participant"};
  const auto words = words_of(name);
  return std::any_of(words.begin(), words.end(), [](const auto& word) { return identifiers.count(word) > 0; });
}

// Rows by part, in the order train, validation, test.
std::vector<const Rows*> parts_of(const Split& split) { return {&split.train, &split.validation, &split.test}; }

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The columns of a source that look like identifiers, by name; of several data sets, without `digits.user` where `user`
// says the same and more. A name that is ambiguous among data sets is passed over: the full ones stand for it.
std::vector<std::pair<std::string, Column>> identifiers(const Source& source) {
  const bool several = !source.data_sets().empty();
  std::vector<std::pair<std::string, Column>> found;
  std::vector<std::string> taken;
  for (const auto& name : source.column_names()) {
    if (!looks_like_identifier(name)) continue;
    bool repeats = false;
    for (size_t dot = name.find('.'); several && dot != std::string::npos; dot = name.find('.', dot + 1))
      repeats = repeats || contains(taken, name.substr(dot + 1));
    if (repeats) continue;
    try {
      found.emplace_back(name, source.column(name));
      taken.push_back(name);
    } catch (const InputError&) {
      if (!several) throw;
    }
  }
  return found;
}

// Also where the task reads the column of one data set alone.
bool is_target(const std::string& name, const std::vector<std::string>& targets) {
  const std::string end = "." + name;
  return std::any_of(targets.begin(), targets.end(), [&](const auto& target) {
    return target == name || (target.size() > end.size() && target.substr(target.size() - end.size()) == end);
  });
}

size_t rows_with_value(const Column& column) {
  size_t rows = 0;
  for (int64_t row = 0; row < column.size(); ++row) rows += column.missing(row) ? 0 : 1;
  return rows;
}

// Whether every data set numbers its own rows by the column, one after the other: such numbers identify nothing beyond
// their set, though two sets have the same.
bool numbers_rows(const Source& source, const Column& column) {
  if (!column.numeric) return false;
  const auto sets = source.data_sets();
  return !sets.empty() && std::all_of(sets.begin(), sets.end(), [&](const DataSetRange& set) {
    std::set<double> values;
    for (int64_t row = set.begin; row < set.end; ++row)
      if (!column.missing(row)) values.insert(column.numbers[static_cast<size_t>(row)]);
    return values.empty() || (values.size() == static_cast<size_t>(set.end - set.begin) &&
                              *values.rbegin() - *values.begin() + 1 == static_cast<double>(values.size()));
  });
}

// What keeps the column's values together; a set without the column can not be divided by it.
std::string remedy(const Source& source, const std::string& name, const Column& column) {
  std::vector<std::string> have;
  for (const auto& set : source.data_sets()) {
    bool any = false;
    for (int64_t row = set.begin; row < set.end && !any; ++row) any = !column.missing(row);
    if (any) have.push_back(set.name);
  }
  if (have.size() == source.data_sets().size()) return "set data.split.group: " + name;
  return fmt::format("give data set {} a split with this group of {} own", fmt::join(have, ", "),
                     have.size() == 1 ? "its" : "their");
}

}  // namespace

std::map<std::string, int64_t> parts_by_value(const Column& column, const Split& split) {
  std::map<std::string, int64_t> parts;
  for (const Rows* rows : parts_of(split)) {
    std::set<std::string> here;
    for (const int64_t row : *rows)
      if (!column.missing(row)) here.insert(column.label(row));
    for (const auto& value : here) ++parts[value];
  }
  return parts;
}

std::vector<std::string> find_leaks(const Source& source, const Split& split, const std::vector<std::string>& targets) {
  std::vector<std::string> leaks;
  for (const auto& [name, column] : identifiers(source)) {
    if (is_target(name, targets)) continue;
    const auto parts = parts_by_value(column, split);
    const auto shared = std::count_if(parts.begin(), parts.end(), [](const auto& entry) { return entry.second > 1; });
    if (shared == 0 || rows_with_value(column) < 2 * parts.size() || numbers_rows(source, column)) continue;
    leaks.push_back(fmt::format(
        "column \"{}\" looks like an identifier and {} of its {} values occur in more than one part: scores may be too "
        "good; {}",
        name, shared, parts.size(), remedy(source, name, column)));
  }
  return leaks;
}

}  // namespace polytask
