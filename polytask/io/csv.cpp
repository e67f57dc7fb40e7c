#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/csv_dialect.h>
#include <polytask/io/csv_scanner.h>

#include <algorithm>
#include <string_view>

namespace polytask {
namespace {

// Fills a table row by row.
class TableBuilder {
 public:
  TableBuilder(CsvTable& table, const CsvOptions& options) : table_(table), options_(options) {}

  void name_columns(std::vector<std::string> names, size_t text_size) {
    table_.names = std::move(names);
    table_.columns.resize(table_.names.size());
    // A field takes at least one byte, its delimiter; long files have rows of some size.
    constexpr size_t kUsualFieldSize = 4;
    const size_t rows = text_size / table_.names.size() / kUsualFieldSize;
    for (auto& column : table_.columns) column.reserve(rows);
  }

  void add(const CsvScanner& scanner) {
    // In a table of one column an empty line between others is a missing value; at the end it is none.
    if (scanner.blank()) {
      if (table_.names.size() == 1) blank_lines_.push_back(scanner.line());
      return;
    }
    for (const int64_t line : blank_lines_) append({std::string_view()}, line);
    blank_lines_.clear();
    append(scanner.fields(), scanner.line());
  }

 private:
  void append(const std::vector<std::string_view>& fields, int64_t line) {
    const size_t width = table_.names.size();
    if (fields.size() != width)
      throw InputError("{}:{}: {} field{} where {}", table_.file, line, fields.size(), fields.size() == 1 ? "" : "s",
                       options_.columns.empty() ? fmt::format("the header has {}", width)
                                                : fmt::format("`columns` names {}", width));
    for (size_t i = 0; i < width; ++i) {
      const bool missing =
          std::find(options_.missing.begin(), options_.missing.end(), fields[i]) != options_.missing.end();
      table_.columns[i].emplace_back(missing ? std::string_view() : fields[i]);
    }
    table_.lines.push_back(line);
  }

  CsvTable& table_;
  const CsvOptions& options_;
  std::vector<int64_t> blank_lines_;
};

}  // namespace

void CsvOptions::fields(Fields& f) {
  f.field("delimiter", delimiter, "what separates fields: auto, tab, space (any run of blanks) or one character");
  f.field("columns", columns, "names of the columns, where the file has no header line");
  f.field("comment", comment, "lines that start with this are passed over");
  f.field("decimal_comma", decimal_comma, "numbers are written 3,14");
  f.field("missing", missing, "what stands for a missing value");
}

int64_t CsvTable::column_index(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw InputError("{}: has no column \"{}\"{}", file, name, did_you_mean(name, names));
  return found - names.begin();
}

CsvTable parse_csv(const std::string& text, const std::string& name, const CsvOptions& options) {
  check_csv_text(text, 1, name);
  CsvTable table;
  table.file = name;
  CsvScanner scanner(text, name, csv_delimiter(text, options, name), options.comment);
  std::vector<std::string> names;
  bool more = read_csv_names(scanner, options, name, names);
  TableBuilder builder(table, options);
  builder.name_columns(std::move(names), text.size());
  for (; more; more = scanner.next()) builder.add(scanner);
  if (table.lines.empty()) throw InputError("{}: has a header but no rows", name);
  return table;
}

CsvTable read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  return parse_csv(read_file(path), path.string(), options);
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const auto& field : fields) {
    if (&field != &fields.front()) line += ',';
    const bool spaces_around =
        !field.empty() && (field.find_first_of(" \t") == 0 || field.find_last_of(" \t") + 1 == field.size());
    const bool alone = fields.size() == 1 && field.empty();
    if (!alone && !spaces_around && field.find_first_of("\",;\n\r") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line.append(c == '"' ? 2 : 1, c);
    line += '"';
  }
  return line;
}

}  // namespace polytask
