#pragma once
#include <polytask/io/file_descriptor.h>

#include <cstddef>

namespace polytask {

/// A file without a name in the system's folder for temporary files ($TMPDIR, /tmp), for data that is read again but
/// should not stay in memory. It goes with the object, or with the process however that ends.
class SpoolFile {
 public:
  /// Throws InputError where no file can be made there.
  SpoolFile();
  /// Throws InputError with the system's reason (no space).
  void append(const void* data, size_t size);
  /// Up to `size` bytes from `offset` on; returns how many there were.
  size_t read(size_t offset, void* to, size_t size) const;

 private:
  FileDescriptor file_;
};

}  // namespace polytask
