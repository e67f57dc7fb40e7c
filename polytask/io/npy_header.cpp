#include <polytask/core/error.h>
#include <polytask/io/npy_header.h>

#include <fmt/ranges.h>

#include <charconv>
#include <set>
#include <string_view>

namespace polytask {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr int64_t kMagicSize = 6;
constexpr int64_t kAlignment = 64;

// Reads the one Python dictionary that a header is: three keys, each with a text, a truth value or a tuple of integers.
class DictionaryReader {
 public:
  DictionaryReader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  void read(NpyHeader& header) {
    expect('{', "a dictionary");
    while (!take('}')) {
      const std::string key = quoted();
      expect(':', "\":\"");
      read_value(key, header);
      if (!take(',') && peek() != '}') fail("\",\" or \"}\"");
    }
    if (peek() != '\0') fail("the end");
    for (const char* key : {"descr", "fortran_order", "shape"})
      if (seen_.count(key) == 0) throw InputError("{}: npy header lacks \"{}\"", name_, key);
  }

 private:
  void read_value(const std::string& key, NpyHeader& header) {
    if (!seen_.insert(key).second) throw InputError("{}: npy header has \"{}\" twice", name_, key);
    if (key == "descr") {
      if (peek() == '[')
        throw InputError("{}: a structured npy array; expected an array of plain numbers or texts", name_);
      header.type = quoted();
    } else if (key == "fortran_order") {
      header.fortran_order = boolean();
    } else if (key == "shape") {
      header.shape = tuple();
    } else {
      throw InputError("{}: npy header has an unknown key \"{}\"", name_, key);
    }
  }

  // The next character that is no space; NUL at the end.
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (at_ >= text_.size() || peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* what) {
    if (!take(c)) fail(what);
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("a text in quotes");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a closing quote");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return word == "True";
    }
    fail("True or False");
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> values;
    expect('(', "a tuple");
    while (!take(')')) {
      values.push_back(integer());
      if (!take(',') && peek() != ')') fail("\",\" or \")\"");
    }
    return values;
  }
  int64_t integer() {
    peek();
    int64_t value = 0;
    const char* start = text_.data() + at_;
    const auto [end, error] = std::from_chars(start, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) fail("a size");
    at_ += static_cast<size_t>(end - start);
    return value;
  }
  [[noreturn]] void fail(const char* expected) const {
    throw InputError("{}: npy header: expected {} at byte {} of \"{}\"", name_, expected, at_, text_.substr(0, 200));
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
  std::set<std::string> seen_;
};

}  // namespace

NpyHeader read_npy_header(const ByteSource& source) {
  const std::string& name = source.name();
  if (source.size() < kMagicSize + 2)
    throw InputError("{}: truncated npy file: {} bytes, too short for a header", name, source.size());
  const std::string magic = source.read_text(0, kMagicSize + 2);
  if (magic.compare(0, kMagicSize, kMagic) != 0)
    throw InputError("{}: no npy file: does not start with \\x93NUMPY", name);
  const int major = static_cast<unsigned char>(magic[kMagicSize]);
  const int minor = static_cast<unsigned char>(magic[kMagicSize + 1]);
  if (major < 1 || major > 3 || minor != 0)
    throw InputError("{}: npy version {}.{}; known are 1.0, 2.0 and 3.0", name, major, minor);
  const int64_t length_size = major == 1 ? 2 : 4;
  const int64_t start = kMagicSize + 2 + length_size;
  if (source.size() < start) throw InputError("{}: truncated npy file: ends before the header", name);
  uint32_t length = 0;
  source.read(kMagicSize + 2, &length, length_size);
  if (length > source.size() - start)
    throw InputError("{}: truncated npy file: a header of {} bytes, {} are left", name, length, source.size() - start);
  NpyHeader header;
  const std::string text = source.read_text(start, length);
  DictionaryReader(text, name).read(header);
  header.data_offset = start + length;
  return header;
}

std::string npy_header_text(const std::string& type, const std::vector<int64_t>& shape) {
  const std::string tuple = fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, tuple);
  const size_t before = kMagicSize + 4;
  const size_t unpadded = before + text.size() + 1;
  text.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  text += '\n';
  std::string result(kMagic, kMagicSize);
  result += {1, 0, static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return result + text;
}

}  // namespace polytask
