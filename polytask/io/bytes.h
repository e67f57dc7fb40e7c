#pragma once
#include <polytask/io/file_descriptor.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace polytask {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file formats are written for little-endian machines");

/// A little-endian number at any address.
template <class T>
T load_little(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
inline uint32_t load_big32(const void* from) { return __builtin_bswap32(load_little<uint32_t>(from)); }

/// Reverses the bytes of each of `count` items of 1, 2, 4 or 8 bytes.
void swap_bytes(void* data, int64_t count, int64_t item_size);

/// Bytes of an array: `item_size` times the product of the shape. Throws InputError, starting with `where`, for a
/// negative dimension, more than 64 of them, or a product beyond 63 bits (counting empty dimensions as 1, as strides
/// do).
int64_t byte_count(const std::vector<int64_t>& shape, int64_t item_size, const std::string& where);

/// "[2, 3]"
std::string shape_text(const std::vector<int64_t>& shape);

/// Bytes that a parser reads piece by piece straight to their destination, from a file or from memory.
class ByteSource {
 public:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}
  virtual ~ByteSource() = default;
  const std::string& name() const { return name_; }
  virtual int64_t size() const = 0;
  /// Copies `count` bytes from `offset` on. Throws InputError where they are not all there.
  void read(int64_t offset, void* to, int64_t count) const;
  std::string read_text(int64_t offset, int64_t count) const;

 protected:
  virtual void copy(int64_t offset, char* to, int64_t count) const = 0;

 private:
  std::string name_;
};

class FileBytes : public ByteSource {
 public:
  explicit FileBytes(const std::filesystem::path& path);
  int64_t size() const override { return size_; }

 protected:
  void copy(int64_t offset, char* to, int64_t count) const override;

 private:
  FileDescriptor file_;
  int64_t size_ = 0;
};

/// Looks at memory that someone else keeps.
class MemoryBytes : public ByteSource {
 public:
  MemoryBytes(std::string_view bytes, std::string name) : ByteSource(std::move(name)), bytes_(bytes) {}
  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }

 protected:
  void copy(int64_t offset, char* to, int64_t count) const override {
    std::memcpy(to, bytes_.data() + offset, static_cast<size_t>(count));
  }

 private:
  std::string_view bytes_;
};

}  // namespace polytask
