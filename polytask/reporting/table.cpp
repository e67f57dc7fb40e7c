#include <polytask/reporting/table.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace polytask {
namespace {

bool looks_numeric(const std::string& cell) {
  if (cell.empty() || cell == "–") return true;
  return cell.find_first_not_of("+-.0123456789e% ") == std::string::npos;
}

std::string padded(const std::string& cell, size_t width, bool right) {
  const std::string space(width - display_width(cell), ' ');
  return right ? space + cell : cell + space;
}

const std::string& cell_of(const std::vector<std::string>& row, size_t column) {
  static const std::string blank;
  return column < row.size() ? row[column] : blank;
}

}  // namespace

size_t display_width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string figure_text(double value) {
  if (std::isnan(value)) return "–";
  if (value != 0 && (std::abs(value) < 1e-4 || std::abs(value) >= 1e7)) return fmt::format("{:.4e}", value);
  const std::string text = fmt::format("{:.5g}", value);
  return text.find('e') == std::string::npos ? text : fmt::format("{:.0f}", value);
}

std::string TextTable::text() const {
  std::string result, rule;
  std::vector<size_t> widths;
  std::vector<bool> right;
  for (size_t c = 0; c < header_.size(); ++c) {
    size_t width = display_width(header_[c]);
    bool numeric = true;
    for (const auto& row : rows_) {
      width = std::max(width, display_width(cell_of(row, c)));
      numeric = numeric && looks_numeric(cell_of(row, c));
    }
    widths.push_back(width);
    right.push_back(numeric && !rows_.empty());
  }
  const auto line = [&](const std::vector<std::string>& row) {
    std::string out;
    for (size_t c = 0; c < header_.size(); ++c)
      out += (c > 0 ? "  " : "") + padded(cell_of(row, c), widths[c], right[c]);
    return out.substr(0, out.find_last_not_of(' ') + 1) + "\n";
  };
  result += line(header_);
  for (size_t c = 0; c < header_.size(); ++c) {
    for (size_t i = 0; i < widths[c]; ++i) rule += "─";
    if (c + 1 < header_.size()) rule += "  ";
  }
  result += rule + "\n";
  for (const auto& row : rows_) result += line(row);
  return result;
}

std::string TextTable::markdown() const {
  const auto line = [&](const std::vector<std::string>& row) {
    std::string out = "|";
    for (size_t c = 0; c < header_.size(); ++c) {
      std::string cell = cell_of(row, c);
      for (size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, "\\");
      out += " " + cell + " |";
    }
    return out + "\n";
  };
  std::string result = line(header_) + "|";
  for (size_t c = 0; c < header_.size(); ++c) result += " --- |";
  result += "\n";
  for (const auto& row : rows_) result += line(row);
  return result;
}

}  // namespace polytask
