#include <polytask/core/error.h>
#include <polytask/io/spool_file.h>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace polytask {
namespace {

[[noreturn]] void cannot_spool(int error_number) {
  throw InputError("{}: cannot hold a temporary file: {}; TMPDIR names another folder",
                   std::filesystem::temp_directory_path().string(), system_reason(error_number));
}

int create_unnamed() {
  std::string path = (std::filesystem::temp_directory_path() / "polytask-spool-XXXXXX").string();
  const int file = mkostemp(path.data(), 0);
  if (file < 0) cannot_spool(errno);
  ::unlink(path.c_str());
  return file;
}

}  // namespace

SpoolFile::SpoolFile() : file_(create_unnamed()) {}

void SpoolFile::append(const void* data, size_t size) {
  if (const int error = write_all(file_.number(), static_cast<const char*>(data), size); error != 0)
    cannot_spool(error);
}

size_t SpoolFile::read(size_t offset, void* to, size_t size) const {
  size_t used = 0;
  while (used < size) {
    const ssize_t count =
        ::pread(file_.number(), static_cast<char*>(to) + used, size - used, static_cast<off_t>(offset + used));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) cannot_spool(errno);
    if (count == 0) break;
    used += static_cast<size_t>(count);
  }
  return used;
}

}  // namespace polytask
