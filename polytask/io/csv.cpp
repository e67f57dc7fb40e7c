#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/csv_scanner.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace polytask {
namespace {

// How well a delimiter splits the first rows.
struct Split {
  char delimiter = ',';
  size_t fields = 0;     // that every row should have: as many as the first, or as there are names
  int64_t agreeing = 0;  // rows that do
  bool even = false;     // all of them, and more than one field
};

Split try_delimiter(std::string_view text, char delimiter, const CsvOptions& options) {
  constexpr int64_t kRows = 20;
  Split split{delimiter};
  split.fields = options.columns.size();
  int64_t rows = 0;
  try {
    CsvScanner scanner(text, "", delimiter, options.comment);
    while (rows < kRows && scanner.next()) {
      if (scanner.blank()) continue;
      if (rows++ == 0 && split.fields == 0) split.fields = scanner.fields().size();
      split.agreeing += scanner.fields().size() == split.fields ? 1 : 0;
    }
  } catch (const InputError&) {  // its quotes make no sense with this delimiter
    return Split{delimiter};
  }
  split.even = split.fields > 1 && split.agreeing == rows;
  return split;
}

// Spaces stand inside texts and after commas, so they count only where nothing else splits evenly; commas stand inside
// numbers of files that are separated by semicolons.
int trust_in(const Split& split, bool decimal_comma) {
  if (!split.even) return 0;
  if (split.delimiter == ',' && decimal_comma) return 1;
  return split.delimiter == ' ' ? 2 : 3;
}

char detect_delimiter(std::string_view text, const CsvOptions& options) {
  std::vector<Split> splits;
  for (const char delimiter : {',', ';', '\t', ' '}) splits.push_back(try_delimiter(text, delimiter, options));
  const auto rank = [&](const Split& split) {
    const bool usable = split.fields > 1;
    return std::make_tuple(trust_in(split, options.decimal_comma), usable ? split.agreeing : 0,
                           usable ? split.fields : 0, split.delimiter == ';');
  };
  const auto best =
      std::max_element(splits.begin(), splits.end(), [&](const Split& a, const Split& b) { return rank(a) < rank(b); });
  return best->fields > 1 && best->agreeing > 0 ? best->delimiter : ',';
}

char delimiter_of(std::string_view text, const CsvOptions& options, const std::string& name) {
  const std::string& given = options.delimiter;
  if (given == "auto") return detect_delimiter(text, options);
  if (given == "tab" || given == "\\t") return '\t';
  if (given == "space") return ' ';
  if (given.size() != 1 || given == "\"" || given == "\n" || given == "\r")
    throw InputError("{}: delimiter \"{}\" is not possible: auto, tab, space or one character", name, given);
  return given[0];
}

void check_is_text(std::string_view text, const std::string& name) {
  const std::string_view start = text.substr(0, 2);
  if (start == "\xff\xfe" || start == "\xfe\xff") throw InputError("{}:1: is UTF-16 text; save it as UTF-8", name);
  const size_t nul = text.find('\0');
  if (nul != std::string_view::npos)
    throw InputError("{}:{}: holds a NUL byte: no delimited text file", name,
                     1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n'));
}

void check_names(const std::vector<std::string>& names, const std::string& where) {
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.front().empty()) {
    const auto at = std::find(names.begin(), names.end(), "") - names.begin();
    throw InputError("{}: column {} of {} has no name", where, at + 1, names.size());
  }
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) throw InputError("{}: two columns are named \"{}\"", where, *twice);
}

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

// The names from the options or from the first row that is not blank; leaves the scanner on the first row of data.
bool read_names(CsvScanner& scanner, const CsvOptions& options, const std::string& file,
                std::vector<std::string>& names) {
  bool more = scanner.next();
  while (more && scanner.blank()) more = scanner.next();
  if (!more) throw InputError("{}: is empty: no header and no rows", file);
  const std::vector<std::string> first(scanner.fields().begin(), scanner.fields().end());
  if (options.columns.empty()) {
    names = first;
    check_names(names, fmt::format("{}:{}", file, scanner.line()));
    return scanner.next();
  }
  names = options.columns;
  check_names(names, fmt::format("{}: `columns`", file));
  if (first == names)
    throw InputError("{}:{}: repeats the names in `columns`: the file has a header, so leave `columns` out", file,
                     scanner.line());
  return true;
}

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
  check_is_text(text, name);
  CsvTable table;
  table.file = name;
  CsvScanner scanner(text, name, delimiter_of(text, options, name), options.comment);
  std::vector<std::string> names;
  bool more = read_names(scanner, options, name, names);
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
