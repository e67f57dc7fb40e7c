#include <polytask/core/error.h>
#include <polytask/data/labels.h>
#include <polytask/data/sources/column_set.h>
#include <polytask/data/sources/table_columns.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>

namespace polytask {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool spells_no_number(const std::string& cell) {
  std::string text = lower(cell);
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.erase(0, 1);
  return text == "nan" || text == "inf" || text == "infinity";
}

// The cells with "nan", "inf" taken out, so that one of them does not make a column of numbers a column of texts.
bool is_numeric(const std::vector<std::string>& cells, bool decimal_comma) {
  std::vector<std::string> plain = cells;
  for (auto& cell : plain)
    if (spells_no_number(cell)) cell.clear();
  return is_numeric_column(plain, decimal_comma);
}

void fill_numbers(TableColumn& column, const std::vector<std::string>& cells, const TableData& table,
                  bool decimal_comma) {
  column.numbers.resize(cells.size());
  for (size_t row = 0; row < cells.size(); ++row) {
    double value = std::numeric_limits<double>::infinity();
    if (!spells_no_number(cells[row]))
      value = csv_number(cells[row], decimal_comma,
                         fmt::format("{}: column \"{}\"", table.row_name(static_cast<int64_t>(row)), column.name));
    column.numbers[row] = value;
    if (std::isinf(value)) column.unusable[static_cast<int64_t>(row)] = cells[row];
  }
}

void fill_dictionary(TableColumn& column, const std::vector<std::string>& cells) {
  std::unordered_map<std::string, int32_t> code;
  for (const auto& cell : cells)
    if (!cell.empty()) code.emplace(cell, 0);
  for (const auto& [text, unused] : code) column.dictionary.push_back(text);
  sort_labels(column.dictionary);
  for (size_t k = 0; k < column.dictionary.size(); ++k) code[column.dictionary[k]] = static_cast<int32_t>(k);
  column.codes.resize(cells.size(), -1);
  for (size_t row = 0; row < cells.size(); ++row) {
    if (cells[row].empty()) continue;
    column.codes[row] = code.at(cells[row]);
    if (!column.numeric && lower(cells[row]) == "nan") column.unusable[static_cast<int64_t>(row)] = cells[row];
  }
}

// The file's cells are moved to the end of `cells`, column by column in the order of `names`.
void append(CsvTable&& file, const std::vector<std::string>& names, std::vector<std::vector<std::string>>& cells) {
  for (size_t c = 0; c < names.size(); ++c) {
    require_known(names[c], file.names, file.file);
    auto& from = file.columns[static_cast<size_t>(file.column_index(names[c]))];
    cells[c].insert(cells[c].end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }
}

void replace_cells(std::vector<std::string>& cells, const std::map<std::string, std::string>& replace) {
  if (replace.empty()) return;
  for (auto& cell : cells)
    if (const auto found = replace.find(cell); found != replace.end()) cell = found->second;
}

}  // namespace

void TableColumn::require_usable(const std::function<std::string(int64_t)>& row_name) const {
  if (unusable.empty()) return;
  const auto& [row, text] = *unusable.begin();
  if (!numeric)
    throw InputError(
        "{}: column \"{}\": {} is no label; write missing values as an empty field, list the text under data.missing "
        "or "
        "give it another with data.replace",
        row_name(row), name, text);
  throw InputError(
      "{}: column \"{}\": {} is not a finite number; write missing values as an empty field or list the text under "
      "data.missing",
      row_name(row), name, text);
}

Column TableColumn::column() const {
  Column result;
  result.numeric = numeric;
  result.numbers = numbers;
  if (numeric) return result;
  result.texts.resize(codes.size());
  for (size_t row = 0; row < codes.size(); ++row)
    if (codes[row] >= 0) result.texts[row] = dictionary[static_cast<size_t>(codes[row])];
  return result;
}

size_t TableData::file_of(int64_t row) const {
  return static_cast<size_t>(std::upper_bound(starts.begin(), starts.end(), row) - starts.begin()) - 1;
}

std::string TableData::row_name(int64_t row) const {
  return fmt::format("{}:{}", files[file_of(row)].filename().string(), lines[static_cast<size_t>(row)]);
}

std::vector<std::string> TableData::names() const {
  std::vector<std::string> result;
  for (const auto& column : columns) result.push_back(column.name);
  return result;
}

const TableColumn* TableData::find(const std::string& name) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

TableData read_table(const std::vector<std::filesystem::path>& files, const TableReading& reading) {
  TableData table;
  table.files = files;
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> cells;
  for (const auto& path : files) {
    CsvTable file = read_csv(path, reading.csv);
    if (names.empty()) names = reading.only.empty() ? file.names : reading.only;
    cells.resize(names.size());
    if (reading.only.empty())
      for (const auto& name : file.names) require_known(name, names, files[0].string());
    table.starts.push_back(table.rows());
    table.lines.insert(table.lines.end(), file.lines.begin(), file.lines.end());
    append(std::move(file), names, cells);
  }
  for (size_t c = 0; c < names.size(); ++c) {
    replace_cells(cells[c], reading.replace);
    TableColumn column;
    column.name = names[c];
    column.numeric = is_numeric(cells[c], reading.csv.decimal_comma);
    if (column.numeric) fill_numbers(column, cells[c], table, reading.csv.decimal_comma);
    if (!column.numeric || reading.categorical.count(column.name) > 0) fill_dictionary(column, cells[c]);
    cells[c] = {};
    table.columns.push_back(std::move(column));
  }
  return table;
}

}  // namespace polytask
