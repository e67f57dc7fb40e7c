#pragma once
#include <polytask/data/source.h>
#include <polytask/io/csv.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace polytask {

/// One column of a table, typed: numeric where every value that is not missing is a number.
struct TableColumn {
  std::string name;
  bool numeric = true;
  std::vector<double> numbers;          ///< NaN: missing; ±infinity: a cell of `unusable`
  std::vector<std::string> dictionary;  ///< distinct texts, sorted (text columns, and numbers wanted as categories)
  std::vector<int32_t> codes;           ///< indices into `dictionary`, −1: missing
  /// Row → "nan", "inf", … written in a column of numbers; row → "nan" in one of texts, where it would pass for a
  /// label.
  std::map<int64_t, std::string> unusable;

  /// Throws InputError, naming the first such cell by `row_name`, where there is one.
  void require_usable(const std::function<std::string(int64_t)>& row_name) const;
  Column column() const;
};

/// The rows of several CSV files under one set of columns.
struct TableData {
  std::vector<TableColumn> columns;
  std::vector<std::filesystem::path> files;
  std::vector<int64_t> starts;  ///< first row of each file
  std::vector<int64_t> lines;   ///< line of each row in its file

  int64_t rows() const { return static_cast<int64_t>(lines.size()); }
  size_t file_of(int64_t row) const;
  std::string row_name(int64_t row) const;  ///< "adult.data:17"
  std::vector<std::string> names() const;
  /// nullptr where there is no such column.
  const TableColumn* find(const std::string& name) const;
};

struct TableReading {
  CsvOptions csv;
  std::map<std::string, std::string> replace;  ///< whole cells
  std::set<std::string> categorical;           ///< numeric columns of which the dictionary is wanted as well
  std::vector<std::string> only;               ///< the columns wanted; none: all, and every file must have the same
};

/// Reads the files, whose columns may stand in any order. Throws InputError naming the file and the column that is
/// missing or not in the others.
TableData read_table(const std::vector<std::filesystem::path>& files, const TableReading& reading);

}  // namespace polytask
