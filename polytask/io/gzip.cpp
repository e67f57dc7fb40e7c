#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/bytes.h>
#include <polytask/io/gzip.h>

#include <zlib.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string_view>

namespace polytask {
namespace {

constexpr size_t kLargestPiece = size_t{1} << 30;  // zlib counts in 32 bits

// A gzip stream of one or more members.
class Inflater {
 public:
  Inflater(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {
    constexpr int kGzipWindow = 15 + 16;
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool at_end() const { return at_end_; }

  // Inflates some bytes to `to`, at most `room`; returns how many.
  size_t read(char* to, size_t room) {
    const size_t given = std::min(bytes_.size(), kLargestPiece);
    room = std::min(room, kLargestPiece);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes_.data()));
    stream_.avail_in = static_cast<uInt>(given);
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    bytes_.remove_prefix(given - stream_.avail_in);
    if (status == Z_STREAM_END) end_member();
    if (status != Z_OK && status != Z_STREAM_END) fail(status);
    return room - stream_.avail_out;
  }

 private:
  void end_member() {
    at_end_ = bytes_.empty();
    if (at_end_) return;
    if (!is_gzip(bytes_)) throw InputError("{}: corrupt gzip: {} bytes follow its end", name_, bytes_.size());
    inflateReset(&stream_);
  }
  [[noreturn]] void fail(int status) const {
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_BUF_ERROR) throw InputError("{}: truncated gzip: the compressed data ends too early", name_);
    throw InputError("{}: corrupt gzip: {}", name_, stream_.msg != nullptr ? stream_.msg : "unreadable");
  }

  std::string_view bytes_;
  const std::string& name_;
  z_stream stream_{};
  bool at_end_ = false;
};

// The last four bytes say how much comes out (modulo 2^32); deflate cannot pack more than about 1032 to 1.
size_t expected_size(std::string_view bytes) {
  constexpr size_t kBestRatio = 1032, kSpare = 64;
  if (bytes.size() < 4) return kSpare;
  const size_t promised = load_little<uint32_t>(bytes.data() + bytes.size() - 4);
  return std::min(promised, bytes.size() * kBestRatio) + kSpare;
}

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

std::string inflate_if_gzip(std::string bytes, const std::string& name) try {
  if (!is_gzip(bytes)) return bytes;
  Inflater inflater(bytes, name);
  std::string content(expected_size(bytes), '\0');
  size_t used = 0;
  while (!inflater.at_end()) {
    if (used == content.size()) content.resize(content.size() * 2);
    used += inflater.read(content.data() + used, content.size() - used);
  }
  content.resize(used);
  return content;
} catch (const std::bad_alloc&) {
  throw InputError("{}: its content does not fit into memory", name);
} catch (const std::length_error&) {
  throw InputError("{}: its content does not fit into memory", name);
}

std::string read_maybe_gzip(const std::filesystem::path& path) {
  return inflate_if_gzip(read_file(path), path.string());
}

}  // namespace polytask
