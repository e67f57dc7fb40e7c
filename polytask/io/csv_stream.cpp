#include <polytask/core/error.h>
#include <polytask/core/suggest.h>
#include <polytask/io/csv_dialect.h>
#include <polytask/io/csv_stream.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace polytask {
namespace {

constexpr size_t kBlock = size_t{1} << 18;
constexpr size_t kLongestRow = size_t{1} << 24;

// How much of a text that goes on is whole lines. A '\r' at its very end may be half a line break.
size_t whole_lines(std::string_view text) {
  const size_t newline = text.rfind('\n');
  if (newline != std::string_view::npos) return newline + 1;
  if (text.size() < 2) return 0;
  const size_t carriage = text.rfind('\r', text.size() - 2);
  return carriage == std::string_view::npos ? 0 : carriage + 1;
}

}  // namespace

CsvStream::CsvStream(const std::filesystem::path& path, CsvOptions options)
    : name_(path.string()), options_(std::move(options)), file_(open_for_reading(path)) {
  for (const auto& text : options_.missing) longest_missing_ = std::max(longest_missing_, text.size());
  fill(0, 1);
  read_header();
}

void CsvStream::read_header() {
  delimiter_ = csv_delimiter(std::string_view(block_.data(), whole_), options_, name_);
  scan_block(1);
  has_row_ = read_csv_names(*scanner_, options_, name_, names_);
}

size_t CsvStream::column_index(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) throw InputError("{}: has no column \"{}\"{}", name_, name, did_you_mean(name, names_));
  return static_cast<size_t>(found - names_.begin());
}

bool CsvStream::is_missing(std::string_view field) const {
  return field.size() <= longest_missing_ &&
         std::find(options_.missing.begin(), options_.missing.end(), field) != options_.missing.end();
}

bool CsvStream::next() {
  do {
    const bool waiting = std::exchange(has_row_, false);
    if (!waiting && !next_in_block()) return false;
  } while (scanner_->blank());
  if (scanner_->fields().size() != names_.size())
    throw InputError("{}:{}: {} field{} where {}", name_, line(), fields().size(), fields().size() == 1 ? "" : "s",
                     options_.columns.empty() ? fmt::format("the header has {}", names_.size())
                                              : fmt::format("`columns` names {}", names_.size()));
  return true;
}

// A row that seems to end inside quotes may go on in the next block.
bool CsvStream::next_in_block() {
  for (;;) {
    const size_t row = scanner_->offset();
    const int64_t line = scanner_->next_line();
    try {
      if (scanner_->next()) return true;
      if (at_end_) return false;
      fill(scanner_->offset(), scanner_->next_line());
    } catch (const InputError&) {
      if (at_end_ || used_ - row > kLongestRow) throw;
      fill(row, line);
    }
  }
}

void CsvStream::fill(size_t keep_from, int64_t line) {
  std::copy(block_.begin() + static_cast<std::ptrdiff_t>(keep_from),
            block_.begin() + static_cast<std::ptrdiff_t>(used_), block_.begin());
  const size_t kept = used_ -= keep_from;
  do {
    if (used_ > kLongestRow + kBlock) throw InputError("{}:{}: a row of more than 16 MiB", name_, line);
    if (block_.size() < used_ + kBlock) block_.resize(used_ + kBlock);
    const ssize_t count = ::read(file_.number(), block_.data() + used_, kBlock);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw InputError("{}: cannot be read: {}", name_, system_reason(errno));
    used_ += static_cast<size_t>(count);
    bytes_read_ += count;
    at_end_ = count == 0;
    whole_ = at_end_ ? used_ : whole_lines(std::string_view(block_.data(), used_));
  } while (!at_end_ && whole_ <= kept);
  check_csv_text(std::string_view(block_.data(), whole_).substr(std::min(kept, whole_)), line, name_);
  if (!names_.empty()) scan_block(line);
}

void CsvStream::scan_block(int64_t line) {
  scanner_.emplace(std::string_view(block_.data(), whole_), name_, delimiter_, options_.comment);
  scanner_->start_at_line(line);
}

}  // namespace polytask
