#pragma once
#include <polytask/core/options.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polytask {

/// How a delimited text file is to be read. The defaults read what spreadsheets and the UCI archive write.
struct CsvOptions {
  std::string delimiter = "auto";    ///< auto: of , ; tab and space the one that splits the first rows evenly
  std::vector<std::string> columns;  ///< names, where the file has no header line
  std::string comment;               ///< lines that start with this are passed over ("|" in adult.test)
  bool decimal_comma = false;        ///< 3,14 is a number
  std::vector<std::string> missing = {"", "?", "NA"};
  void fields(Fields& f);
};

/// A delimited text file, column by column, as text. Quoted fields (doubled quotes inside), a BOM, CRLF, spaces around
/// fields and blank last lines are taken as they come.
struct CsvTable {
  std::string file;
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> columns;  ///< [column][row]; a missing value is ""
  std::vector<int64_t> lines;                     ///< 1-based line of each row

  int64_t rows() const { return static_cast<int64_t>(lines.size()); }
  /// Throws InputError (with suggestion) where there is no such column.
  int64_t column_index(const std::string& name) const;
};

/// Throws InputError naming file and line: a ragged row, an unclosed quote, a duplicate or empty header, no rows.
CsvTable read_csv(const std::filesystem::path& path, const CsvOptions& options = {});
CsvTable parse_csv(const std::string& text, const std::string& name, const CsvOptions& options = {});

/// True where every value of the column that is not missing is a number.
bool is_numeric_column(const std::vector<std::string>& values, bool decimal_comma);
/// Decimal digits with at most one point (or comma) and an exponent: no "inf", no "nan", no "0x10", no thousands
/// separators. Nothing where the text is anything else.
std::optional<double> parse_csv_number(std::string_view text, bool decimal_comma);
/// The value as a number, NaN for "" (missing). Throws InputError where it is none.
double csv_number(const std::string& value, bool decimal_comma, const std::string& where);

/// One line of CSV (quoted where needed), without the newline.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace polytask
