#include <polytask/core/error.h>
#include <polytask/io/file_descriptor.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace polytask {

int FileDescriptor::close() {
  if (number_ < 0) return 0;
  return ::close(std::exchange(number_, -1)) == 0 ? 0 : errno;
}

FileDescriptor open_for_reading(const std::filesystem::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) throw InputError("{}: cannot be read: {}", path.string(), system_reason(errno));
  struct stat about {};
  if (fstat(file.number(), &about) != 0)
    throw InputError("{}: cannot be read: {}", path.string(), system_reason(errno));
  if (S_ISDIR(about.st_mode)) throw InputError("{}: is a directory, not a file", path.string());
  return file;
}

int write_all(int file, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(file, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    data += written;
    size -= static_cast<size_t>(written);
  }
  return 0;
}

std::string system_reason(int error_number) { return std::generic_category().message(error_number); }

}  // namespace polytask
