#include <polytask/core/error.h>
#include <polytask/io/csv_scanner.h>

#include <algorithm>

namespace polytask {

CsvScanner::CsvScanner(std::string_view text, std::string name, char delimiter, std::string comment)
    : text_(text), name_(std::move(name)), delimiter_(delimiter), comment_(std::move(comment)) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) at_ = kByteOrderMark.size();
  roles_[static_cast<unsigned char>(delimiter_)] |= kEndsField;
  for (const char c : {'\n', '\r'}) roles_[static_cast<unsigned char>(c)] |= kEndsField | kEndsRow;
  for (const char c : {' ', '\t'}) {
    if (c != delimiter_ || c == ' ') roles_[static_cast<unsigned char>(c)] |= kBlank;
    if (delimiter_ == ' ') roles_[static_cast<unsigned char>(c)] |= kEndsField;
  }
}

bool CsvScanner::next() {
  skip_comments();
  if (at_ >= text_.size()) return false;
  if (!unquoted_.empty()) unquoted_.clear();
  line_ = current_line_;
  skip_blanks();
  blank_ = at_row_end();
  if (blank_) {
    fields_.assign(1, std::string_view());
  } else {
    read_fields();
  }
  end_row();
  return true;
}

bool CsvScanner::at_blank() const {
  const char c = text_[at_];
  return c == ' ' || (c == '\t' && delimiter_ != '\t');
}

bool CsvScanner::at_delimiter() const {
  return at_ < text_.size() && (delimiter_ == ' ' ? at_blank() : text_[at_] == delimiter_);
}

void CsvScanner::skip_blanks() {
  while (at_ < text_.size() && at_blank()) ++at_;
}

void CsvScanner::end_row() {
  if (at_ >= text_.size()) return;
  const bool two = text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n';
  at_ += two ? 2 : 1;
  ++current_line_;
}

void CsvScanner::skip_comments() {
  while (!comment_.empty() && at_ < text_.size() && text_.compare(at_, comment_.size(), comment_) == 0) {
    while (!at_row_end()) ++at_;
    end_row();
  }
}

// Every byte of every table goes through here: local places, a table of characters, and fields that overwrite those of
// the row before make it twice as fast.
void CsvScanner::read_fields() {
  const char* const text = text_.data();
  const size_t size = text_.size();
  const auto is = [&](size_t at, unsigned char role) {
    return (roles_[static_cast<unsigned char>(text[at])] & role) != 0;
  };
  size_t count = 0, at = at_;
  for (;; ++at) {
    while (at < size && is(at, kBlank)) ++at;
    if (delimiter_ == ' ' && (at == size || is(at, kEndsRow))) break;
    std::string_view field;
    if (at < size && text[at] == '"') {
      at_ = at;
      field = quoted_field(count + 1);
      at = at_;
    } else {
      const size_t start = at;
      while (at < size && !is(at, kEndsField)) ++at;
      size_t end = at;
      while (end > start && (text[end - 1] == ' ' || text[end - 1] == '\t')) --end;
      field = {text + start, end - start};
    }
    if (count == fields_.size()) fields_.emplace_back();
    fields_[count++] = field;
    if (at == size || is(at, kEndsRow)) break;
  }
  at_ = at;
  fields_.resize(count);
}

// From the first character inside the quotes on.
size_t CsvScanner::closing_quote(bool& doubled) const {
  for (size_t at = at_;; at += 2) {
    at = text_.find('"', at);
    if (at == std::string_view::npos)
      throw InputError("{}:{}: a quoted field that starts in this row is never closed", name_, line_);
    if (at + 1 >= text_.size() || text_[at + 1] != '"') return at;
    doubled = true;
  }
}

std::string_view CsvScanner::quoted_field(size_t number) {
  ++at_;
  bool doubled = false;
  const size_t end = closing_quote(doubled);
  std::string_view field = text_.substr(at_, end - at_);
  current_line_ += std::count(field.begin(), field.end(), '\n');
  at_ = end + 1;
  if (delimiter_ != ' ') skip_blanks();
  if (!at_row_end() && !at_delimiter())
    throw InputError("{}:{}: field {} goes on after its closing quote; a quote inside quotes is written twice", name_,
                     current_line_, number);
  if (!doubled) return field;
  std::string& text = unquoted_.emplace_back();
  for (size_t i = 0; i < field.size(); ++i) {
    text += field[i];
    if (field[i] == '"') ++i;
  }
  return text;
}

}  // namespace polytask
