#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

namespace polytask {

/// Owns an open file of the operating system, whose error numbers streams do not keep.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  /// 0, or the error number: what was written last may have failed only now.
  int close();

 private:
  int number_;
};

/// Opens a file that must exist. Throws InputError where it is missing, a directory or unreadable.
FileDescriptor open_for_reading(const std::filesystem::path& path);

/// Writes all of it; 0, or the error number of the write that failed.
int write_all(int file, const char* data, size_t size);

/// "No space left on device"
std::string system_reason(int error_number);

}  // namespace polytask
