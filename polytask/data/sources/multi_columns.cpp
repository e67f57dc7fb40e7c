#include <polytask/core/error.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/sources/multi.h>

#include <algorithm>
#include <limits>

namespace polytask {
namespace {

constexpr const char* kDataSet = "data_set";

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void append(Column& to, const Column& from) {
  to.numbers.insert(to.numbers.end(), from.numbers.begin(), from.numbers.end());
  to.texts.insert(to.texts.end(), from.texts.begin(), from.texts.end());
}

bool has_value(const Column& column) {
  for (int64_t row = 0; row < column.size(); ++row)
    if (!column.missing(row)) return true;
  return false;
}

Column missing_column(bool numeric, int64_t rows) {
  Column column;
  column.numeric = numeric;
  if (numeric)
    column.numbers.assign(static_cast<size_t>(rows), std::numeric_limits<double>::quiet_NaN());
  else
    column.texts.assign(static_cast<size_t>(rows), "");
  return column;
}

}  // namespace

// "digits.label" → the data set `digits` and "label"; no data set where the name is none of that form.
std::pair<const MultiSource::Child*, std::string> MultiSource::qualified(const std::string& name) const {
  for (const auto& child : children_) {
    const std::string prefix = child.name + ".";
    if (name.rfind(prefix, 0) != 0) continue;
    if (const std::string column = name.substr(prefix.size()); contains(child.columns, column)) return {&child, column};
  }
  return {nullptr, ""};
}

std::vector<const MultiSource::Child*> MultiSource::with_column(const std::string& name) const {
  std::vector<const Child*> found;
  for (const auto& child : children_)
    if (contains(child.columns, name)) found.push_back(&child);
  return found;
}

std::vector<std::string> MultiSource::column_names() const {
  std::vector<std::string> plain, full;
  for (const auto& child : children_) {
    for (const auto& column : child.columns) {
      if (column != kDataSet && !contains(plain, column)) plain.push_back(column);
      full.push_back(child.name + "." + column);
    }
  }
  plain.insert(plain.end(), full.begin(), full.end());
  plain.emplace_back(kDataSet);
  return plain;
}

Column MultiSource::data_set_column() const {
  Column column = missing_column(false, size());
  for (const auto& set : data_sets())
    for (int64_t row = set.begin; row < set.end; ++row) column.texts[static_cast<size_t>(row)] = set.name;
  return column;
}

// Columns of some data sets over the rows of all, in the data sets' order.
Column MultiSource::spread(const std::vector<std::pair<const Child*, Column>>& columns) const {
  bool numeric = columns[0].second.numeric;
  for (const auto& [child, column] : columns)
    if (has_value(column)) numeric = column.numeric;
  Column result;
  result.numeric = numeric;
  for (const auto& child : children_) {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.first == &child; });
    const bool usable = found != columns.end() && found->second.numeric == numeric;
    append(result, usable ? found->second : missing_column(numeric, child.end - child.begin));
  }
  return result;
}

Column MultiSource::column(const std::string& name) const {
  if (name == kDataSet) return data_set_column();
  if (const auto [child, column] = qualified(name); child != nullptr)
    return spread({{child, child->source->column(column)}});
  const auto owners = with_column(name);
  if (owners.empty()) require_known(name, column_names(), "data");
  std::vector<std::pair<const Child*, Column>> columns;
  const std::pair<const Child*, Column>* first = nullptr;
  columns.reserve(owners.size());
  for (const auto* child : owners) {
    columns.emplace_back(child, child->source->column(name));
    if (!has_value(columns.back().second)) continue;
    if (first == nullptr) first = &columns.back();
    const std::string here = child->source->unit(name), there = first->first->source->unit(name);
    const bool numeric = columns.back().second.numeric;
    if (numeric == first->second.numeric && here == there) continue;
    const auto described = [](bool numbers, const std::string& unit) {
      return std::string(numbers ? "numbers" : "texts") + (unit.empty() ? "" : " in " + unit);
    };
    throw InputError("column \"{}\" is ambiguous: {} in data set \"{}\", {} in \"{}\"; name one of them: {}.{}, {}.{}",
                     name, described(first->second.numeric, there), first->first->name, described(numeric, here),
                     child->name, first->first->name, name, child->name, name);
  }
  return spread(columns);
}

std::string MultiSource::unit(const std::string& name) const {
  if (const auto [child, column] = qualified(name); child != nullptr) return child->source->unit(column);
  for (const auto* child : with_column(name))
    if (const std::string unit = child->source->unit(name); !unit.empty()) return unit;
  return "";
}

}  // namespace polytask
