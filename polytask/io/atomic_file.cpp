#include <polytask/core/error.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/file_descriptor.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>
#include <streambuf>

namespace polytask {
namespace {

namespace fs = std::filesystem;

// A stream into a file descriptor that remembers why it failed. Large pieces go to the file without a copy.
class FileBuffer : public std::streambuf {
 public:
  explicit FileBuffer(int file) : file_(file), buffer_(new char[kSize]) { setp(buffer_.get(), buffer_.get() + kSize); }
  int error() const { return error_; }

 protected:
  int_type overflow(int_type c) override {
    if (!drain()) return traits_type::eof();
    if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* data, std::streamsize size) override {
    if (size < kSize) return std::streambuf::xsputn(data, size);
    return drain() && write(data, static_cast<size_t>(size)) ? size : 0;
  }
  int sync() override { return drain() ? 0 : -1; }

 private:
  static constexpr std::streamsize kSize = 1 << 18;

  bool drain() {
    const bool fine = write(pbase(), static_cast<size_t>(pptr() - pbase()));
    setp(buffer_.get(), buffer_.get() + kSize);
    return fine;
  }
  bool write(const char* data, size_t size) {
    if (error_ == 0) error_ = write_all(file_, data, size);
    return error_ == 0;
  }

  int file_;
  int error_ = 0;
  std::unique_ptr<char[]> buffer_;
};

[[noreturn]] void cannot_write(const fs::path& path, int error_number) {
  throw InputError("{}: cannot be written: {}", path.string(), system_reason(error_number));
}

// The file that is to be replaced: what a symbolic link points to, not the link.
fs::path resolve_target(const fs::path& path) {
  std::error_code error;
  fs::path target = fs::is_symlink(path, error) ? fs::weakly_canonical(path, error) : path;
  if (error && error != std::errc::no_such_file_or_directory) cannot_write(path, error.value());
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) throw InputError("{}: cannot be written: is a directory", path.string());
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw InputError("{}: cannot be written: is a device or pipe, not a file", path.string());
  return target;
}

// A new hidden file beside the target, which goes with the object unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) : target_(target), file_(create()) {
    struct stat old {};
    if (stat(target.c_str(), &old) == 0) (void)fchmod(file_.number(), old.st_mode & 07777);
  }
  ~TemporaryFile() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  int number() const { return file_.number(); }

  void become_target() {
    if (fsync(file_.number()) != 0) cannot_write(target_, errno);
    if (const int error = file_.close(); error != 0) cannot_write(target_, error);
    if (::rename(path_.c_str(), target_.c_str()) != 0) cannot_write(target_, errno);
    renamed_ = true;
  }

 private:
  int create() {
    constexpr int kTries = 1000;
    constexpr size_t kLongestName = 200;
    const std::string name = target_.filename().string().substr(0, kLongestName);
    for (int i = 0; i < kTries; ++i) {
      path_ = target_.parent_path() / fmt::format(".{}.{}.{}.tmp", name, getpid(), i);
      const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (file >= 0) return file;
      if (errno != EEXIST) cannot_write(target_, errno);
    }
    cannot_write(target_, EEXIST);
  }

  fs::path target_, path_;
  FileDescriptor file_;
  bool renamed_ = false;
};

// The rename itself must survive a crash. Where the directory may not be opened or synchronised there is no way to ask.
void synchronise_directory(const fs::path& target) {
  const fs::path directory = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const FileDescriptor file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open()) return;
  if (fsync(file.number()) != 0 && errno != EINVAL && errno != ENOTSUP) cannot_write(target, errno);
}

}  // namespace

void write_file_atomically(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  if (path.filename().empty()) throw InputError("\"{}\": cannot be written: no file name", path.string());
  const fs::path target = resolve_target(path);
  TemporaryFile file(target);
  FileBuffer buffer(file.number());
  std::ostream out(&buffer);
  write(out);
  out.flush();
  if (buffer.error() != 0) cannot_write(path, buffer.error());
  if (!out) throw InputError("{}: cannot be written: its content could not be produced", path.string());
  file.become_target();
  synchronise_directory(target);
}

void write_file_atomically(const fs::path& path, const std::string& content) {
  write_file_atomically(
      path, [&](std::ostream& out) { out.write(content.data(), static_cast<std::streamsize>(content.size())); });
}

std::string read_file(const fs::path& path) try {
  const FileDescriptor file = open_for_reading(path);
  struct stat about {};
  const bool known = fstat(file.number(), &about) == 0 && S_ISREG(about.st_mode);
  std::string content(known ? static_cast<size_t>(about.st_size) + 1 : 4096, '\0');
  size_t used = 0;
  for (;;) {
    const ssize_t count = ::read(file.number(), content.data() + used, content.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw InputError("{}: cannot be read: {}", path.string(), system_reason(errno));
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (used == content.size()) content.resize(content.size() * 2);
  }
  content.resize(used);
  return content;
} catch (const std::bad_alloc&) {
  throw InputError("{}: does not fit into memory", path.string());
} catch (const std::length_error&) {
  throw InputError("{}: does not fit into memory", path.string());
}

void make_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error && !fs::is_directory(path, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw InputError("{}: cannot be made a directory: {}", path.string(), error.message());
}

}  // namespace polytask
