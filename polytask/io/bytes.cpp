#include <polytask/core/error.h>
#include <polytask/io/bytes.h>

#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace polytask {
namespace {

template <class T, class Swap>
void swap_items(void* data, int64_t count, Swap swap) {
  char* at = static_cast<char*>(data);
  for (int64_t i = 0; i < count; ++i, at += sizeof(T)) {
    const T swapped = swap(load_little<T>(at));
    std::memcpy(at, &swapped, sizeof(T));
  }
}

}  // namespace

void swap_bytes(void* data, int64_t count, int64_t item_size) {
  if (item_size == 2) swap_items<uint16_t>(data, count, [](uint16_t v) { return __builtin_bswap16(v); });
  if (item_size == 4) swap_items<uint32_t>(data, count, [](uint32_t v) { return __builtin_bswap32(v); });
  if (item_size == 8) swap_items<uint64_t>(data, count, [](uint64_t v) { return __builtin_bswap64(v); });
}

int64_t byte_count(const std::vector<int64_t>& shape, int64_t item_size, const std::string& where) {
  constexpr size_t kMostDimensions = 64;
  if (shape.size() > kMostDimensions)
    throw InputError("{}: {} dimensions, at most {} are possible", where, shape.size(), kMostDimensions);
  int64_t bytes = item_size;
  for (const int64_t extent : shape) {
    if (extent < 0) throw InputError("{}: shape {} has a negative dimension", where, shape_text(shape));
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(extent, 1), &bytes))
      throw InputError("{}: shape {} is larger than any memory", where, shape_text(shape));
  }
  return std::count(shape.begin(), shape.end(), 0) > 0 ? 0 : bytes;
}

std::string shape_text(const std::vector<int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

void ByteSource::read(int64_t offset, void* to, int64_t count) const {
  if (offset < 0 || count < 0 || offset > size() || count > size() - offset)
    throw InputError("{}: truncated: has {} bytes, more are expected", name(), size());
  if (count > 0) copy(offset, static_cast<char*>(to), count);
}

std::string ByteSource::read_text(int64_t offset, int64_t count) const {
  std::string text(static_cast<size_t>(std::clamp<int64_t>(count, 0, size())), '\0');
  read(offset, text.data(), count);
  return text;
}

FileBytes::FileBytes(const std::filesystem::path& path) : ByteSource(path.string()), file_(open_for_reading(path)) {
  struct stat about {};
  if (fstat(file_.number(), &about) != 0) throw InputError("{}: cannot be read: {}", name(), system_reason(errno));
  if (!S_ISREG(about.st_mode)) throw InputError("{}: is a device or pipe, not a file", name());
  size_ = about.st_size;
}

void FileBytes::copy(int64_t offset, char* to, int64_t count) const {
  while (count > 0) {
    const ssize_t got = ::pread(file_.number(), to, static_cast<size_t>(count), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw InputError("{}: cannot be read: {}", name(), system_reason(errno));
    if (got == 0) throw InputError("{}: truncated: became shorter while it was read", name());
    offset += got;
    to += got;
    count -= got;
  }
}

}  // namespace polytask
