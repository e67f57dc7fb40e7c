#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace polytask {

/// Walks over delimited text row by row and holds one row at a time. It only looks at the text, which must stay.
class CsvScanner {
 public:
  /// A `delimiter` of ' ' means any run of spaces and tabs. `name` stands in messages; lines that start with `comment`
  /// (unless "") are passed over.
  CsvScanner(std::string_view text, std::string name, char delimiter, std::string comment);

  /// Goes to the next row; false at the end. Throws InputError for an unclosed quote or text after a closing one.
  bool next();
  /// The row's fields, unquoted, without spaces around them; valid until the next call of `next`.
  const std::vector<std::string_view>& fields() const { return fields_; }
  /// 1-based line on which the row starts.
  int64_t line() const { return line_; }
  /// How much of the text has been read: up to the end of the row, its line break included.
  size_t offset() const { return at_; }
  int64_t next_line() const { return current_line_; }  ///< 1-based line of what comes next
  /// Counts lines from here on (a text that is part of a longer one).
  void start_at_line(int64_t line) { current_line_ = line; }
  /// The line holds nothing at all.
  bool blank() const { return blank_; }

 private:
  bool at_row_end() const { return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r'; }
  bool at_blank() const;
  bool at_delimiter() const;
  void skip_blanks();
  void end_row();
  void skip_comments();
  void read_fields();
  std::string_view quoted_field(size_t number);
  size_t closing_quote(bool& doubled) const;

  std::string_view text_;
  std::string name_;
  char delimiter_;
  std::string comment_;
  static constexpr unsigned char kBlank = 1, kEndsField = 2, kEndsRow = 4;
  std::array<unsigned char, 256> roles_{};  // of each character
  size_t at_ = 0;
  int64_t line_ = 0, current_line_ = 1;
  bool blank_ = false;
  std::vector<std::string_view> fields_;
  std::deque<std::string> unquoted_;  // fields of this row that do not stand in the text as they are
};

}  // namespace polytask
