#include <polytask/core/error.h>
#include <polytask/io/bytes.h>
#include <polytask/io/image_check.h>

#include <zlib.h>

#include <string_view>

namespace polytask {
namespace {

constexpr std::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);
constexpr std::string_view kJpegStart("\xff\xd8", 2);

unsigned char byte_at(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }

struct PngChunk {
  std::string_view type, whole, data;
};

// The chunk at the start of `rest`.
PngChunk png_chunk(std::string_view rest, const std::string& name) {
  constexpr size_t kAround = 12;  // length, type, checksum
  if (rest.size() < kAround) throw InputError("{}: truncated PNG: ends before its IEND chunk", name);
  const size_t length = load_big32(rest.data());
  PngChunk chunk{rest.substr(4, 4), rest.substr(0, kAround + length), rest.substr(8, length)};
  if (length > rest.size() - kAround)
    throw InputError("{}: truncated PNG: ends inside a chunk of {} bytes, {} are left", name, length,
                     rest.size() - kAround);
  const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(rest.data() + 4), static_cast<uInt>(length + 4));
  if (checksum != load_big32(rest.data() + 8 + length))
    throw InputError("{}: corrupt PNG: the checksum of chunk {} is wrong", name, chunk.type);
  return chunk;
}

void check_png_size(const PngChunk& header, const std::string& name) {
  constexpr uint64_t kLongestSide = 1 << 20, kMostPixels = 1 << 30;
  if (header.type != "IHDR" || header.data.size() != 13)
    throw InputError("{}: corrupt PNG: does not start with an IHDR chunk", name);
  const uint64_t width = load_big32(header.data.data()), height = load_big32(header.data.data() + 4);
  if (width == 0 || height == 0 || width > kLongestSide || height > kLongestSide || width * height > kMostPixels)
    throw InputError("{}: PNG of {} × {} pixels; at most 2^30 can be read", name, width, height);
}

std::string checked_png(std::string_view bytes, const std::string& name) {
  std::string kept(kPngSignature);
  std::string_view rest = bytes.substr(kPngSignature.size());
  bool has_data = false;
  for (bool first = true;; first = false) {
    const PngChunk chunk = png_chunk(rest, name);
    if (first) check_png_size(chunk, name);
    const bool critical = (chunk.type[0] & 0x20) == 0;
    if (critical || chunk.type == "tRNS" || chunk.type == "eXIf") kept += chunk.whole;
    has_data = has_data || chunk.type == "IDAT";
    rest.remove_prefix(chunk.whole.size());
    if (chunk.type == "IEND") break;
  }
  if (!has_data) throw InputError("{}: corrupt PNG: has no IDAT chunk", name);
  return kept;
}

[[noreturn]] void truncated_jpeg(const std::string& name) {
  throw InputError("{}: truncated JPEG: ends before its end marker", name);
}

// The position after the entropy-coded data that starts at `at`: that of the next real marker.
size_t after_scan(std::string_view bytes, size_t at, const std::string& name) {
  for (;;) {
    at = bytes.find('\xff', at);
    if (at == std::string_view::npos || at + 1 >= bytes.size()) truncated_jpeg(name);
    const unsigned char marker = byte_at(bytes, at + 1);
    const bool restart = marker >= 0xd0 && marker <= 0xd7;
    if (marker == 0xff) {
      ++at;  // fill byte
    } else if (marker == 0 || restart) {
      at += 2;
    } else {
      return at;
    }
  }
}

void check_jpeg(std::string_view bytes, const std::string& name) {
  constexpr unsigned char kEnd = 0xd9, kScan = 0xda;
  size_t at = kJpegStart.size();
  for (;;) {
    if (at + 2 > bytes.size()) truncated_jpeg(name);
    if (byte_at(bytes, at) != 0xff) throw InputError("{}: corrupt JPEG: no marker at byte {}", name, at);
    const unsigned char marker = byte_at(bytes, at + 1);
    if (marker == kEnd) return;
    if (marker == 0xff) {
      ++at;
      continue;
    }
    if (at + 4 > bytes.size()) truncated_jpeg(name);
    const size_t length = static_cast<size_t>(byte_at(bytes, at + 2)) << 8 | byte_at(bytes, at + 3);
    at += 2 + length;
    if (at > bytes.size()) truncated_jpeg(name);
    if (marker == kScan) at = after_scan(bytes, at, name);
  }
}

}  // namespace

std::string checked_image(std::string bytes, const std::string& name) {
  const std::string_view view = bytes;
  if (view.empty()) throw InputError("{}: is empty, expected an image", name);
  if (view.size() < kPngSignature.size() && kPngSignature.substr(0, view.size()) == view)
    throw InputError("{}: truncated PNG: ends inside its signature", name);
  if (view.substr(0, kPngSignature.size()) == kPngSignature) return checked_png(view, name);
  if (view.substr(0, kJpegStart.size()) == kJpegStart) check_jpeg(view, name);
  return bytes;
}

}  // namespace polytask
