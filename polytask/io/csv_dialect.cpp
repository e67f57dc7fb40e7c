#include <polytask/core/error.h>
#include <polytask/io/csv_dialect.h>

#include <algorithm>
#include <tuple>

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

}  // namespace

char csv_delimiter(std::string_view text, const CsvOptions& options, const std::string& name) {
  const std::string& given = options.delimiter;
  if (given == "auto") return detect_delimiter(text, options);
  if (given == "tab" || given == "\\t") return '\t';
  if (given == "space") return ' ';
  if (given.size() != 1 || given == "\"" || given == "\n" || given == "\r")
    throw InputError("{}: delimiter \"{}\" is not possible: auto, tab, space or one character", name, given);
  return given[0];
}

void check_csv_text(std::string_view text, int64_t first_line, const std::string& name) {
  const std::string_view start = text.substr(0, 2);
  if (first_line == 1 && (start == "\xff\xfe" || start == "\xfe\xff"))
    throw InputError("{}:1: is UTF-16 text; save it as UTF-8", name);
  const size_t nul = text.find('\0');
  if (nul != std::string_view::npos)
    throw InputError("{}:{}: holds a NUL byte: no delimited text file", name,
                     first_line + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n'));
}

bool read_csv_names(CsvScanner& scanner, const CsvOptions& options, const std::string& file,
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

}  // namespace polytask
