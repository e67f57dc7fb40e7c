#pragma once
#include <string>
#include <vector>

namespace polytask {

/// A table for the terminal: a header, rows, columns aligned (numbers right, texts left) by display width.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : header_(std::move(header)) {}
  /// Missing cells are blank; more cells than the header has are a mistake of the caller.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  std::string text() const;
  std::string markdown() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

/// Figures as a reader wants them: five significant digits, no exponent between 1e-4 and 1e7, "–" for NaN.
std::string figure_text(double value);

/// Columns a UTF-8 text takes on a terminal (combining marks and wide characters aside).
size_t display_width(const std::string& text);

}  // namespace polytask
