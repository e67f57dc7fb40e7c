#include <polytask/config/utf8.h>
#include <polytask/core/error.h>

#include <algorithm>
#include <cstdint>

namespace polytask {
namespace {

unsigned char byte_at(const std::string& text, size_t i) { return static_cast<unsigned char>(text[i]); }

// Length of the sequence that starts with `lead`, 0 where none does.
size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// Bytes of the well-formed character at `i`, 0 where it is malformed: cut off, overlong, a surrogate, above U+10FFFF.
size_t character_length(const std::string& text, size_t i) {
  const size_t length = sequence_length(byte_at(text, i));
  if (length == 0 || i + length > text.size()) return 0;
  uint32_t code = length == 1 ? byte_at(text, i) : byte_at(text, i) & (0xFFU >> (length + 1));
  for (size_t k = 1; k < length; ++k) {
    if ((byte_at(text, i + k) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte_at(text, i + k) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? 0 : length;
}

bool is_control(unsigned char byte) {
  return (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F;
}

}  // namespace

void check_utf8_text(const std::string& text, const std::string& name) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = character_length(text, i);
    const bool control = length == 1 && is_control(byte_at(text, i));
    if (length > 0 && !control) {
      i += length;
      continue;
    }
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(i), '\n');
    throw InputError("{}:{}: byte 0x{:02x} {}", name, line, byte_at(text, i),
                     control ? "is a control character, which YAML text can not hold" : "is not UTF-8 text");
  }
}

}  // namespace polytask
