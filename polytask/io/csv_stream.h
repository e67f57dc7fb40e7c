#pragma once
#include <polytask/io/csv.h>
#include <polytask/io/csv_scanner.h>
#include <polytask/io/file_descriptor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polytask {

/// A delimited text file read row by row in bounded memory, whatever its length: one block of text (256 KiB) at a time.
/// Quoting, comments, BOM and line breaks are those of read_csv; the delimiter is found from the first block.
class CsvStream {
 public:
  /// Opens the file and reads the header. Throws InputError where it is missing, empty, UTF-16 or names a column twice.
  explicit CsvStream(const std::filesystem::path& path, CsvOptions options = {});

  const std::string& file() const { return name_; }
  const std::vector<std::string>& names() const { return names_; }
  /// Throws InputError (with suggestion) where there is no such column.
  size_t column_index(const std::string& name) const;

  /// Goes to the next row that is not blank; false at the end. Throws InputError, naming file and line, for a ragged
  /// row, an unclosed quote, and a row of more than 16 MiB.
  bool next();
  /// The row's fields, one per column; valid until the next call of `next`.
  const std::vector<std::string_view>& fields() const { return scanner_->fields(); }
  int64_t line() const { return scanner_->line(); }
  bool is_missing(std::string_view field) const;
  int64_t bytes_read() const { return bytes_read_; }

 private:
  void read_header();
  bool next_in_block();
  void fill(size_t keep_from, int64_t line);
  void scan_block(int64_t line);

  std::string name_;
  CsvOptions options_;
  size_t longest_missing_ = 0;
  FileDescriptor file_;
  std::vector<char> block_;
  size_t used_ = 0;      // of the block: text from the first row that is not read yet
  size_t whole_ = 0;     // how much of it is whole lines
  bool at_end_ = false;  // of the file
  int64_t bytes_read_ = 0;
  char delimiter_ = ',';
  std::vector<std::string> names_;
  std::optional<CsvScanner> scanner_;
  bool has_row_ = false;  // reading the header went to the first row already
};

}  // namespace polytask
