#include <polytask/io/atomic_file.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <support/temporary_directory.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace polytask {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

size_t files_in(const fs::path& directory) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

TEST(AtomicFile, WritesAndReadsBackAnyBytes) {
  TemporaryDirectory directory;
  std::string content;
  for (int i = 0; i < 3'000'000; ++i) content += static_cast<char>(i * 7 % 256);
  write_file_atomically(directory.path() / "a", content);
  EXPECT_EQ(read_file(directory.path() / "a"), content);
  write_file_atomically(directory.path() / "a", "");
  EXPECT_EQ(read_file(directory.path() / "a"), "");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST(AtomicFile, SmallAndLargePiecesKeepTheirOrder) {
  TemporaryDirectory directory;
  const std::string large(1 << 20, 'x');
  write_file_atomically(directory.path() / "a", [&](std::ostream& out) {
    out << "begin ";
    out.write(large.data(), static_cast<std::streamsize>(large.size()));
    out << 12 << ' ';
    for (int i = 0; i < 100'000; ++i) out.put('y');
    out.flush();
    out << "end";
  });
  EXPECT_EQ(read_file(directory.path() / "a"), "begin " + large + "12 " + std::string(100'000, 'y') + "end");
}

TEST(AtomicFile, ThrowingWriterLeavesTheOldContentAndNoOtherFile) {
  TemporaryDirectory directory;
  const fs::path path = directory.path() / "a";
  write_file_atomically(path, "old");
  const auto fail = [](std::ostream& out) {
    out << "half of the new";
    out.flush();
    throw std::runtime_error("writer failed");
  };
  EXPECT_THROW(write_file_atomically(path, fail), std::runtime_error);
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST(AtomicFile, StreamThatTheWriterBreaksIsAnError) {
  TemporaryDirectory directory;
  const fs::path path = directory.path() / "a";
  const auto message =
      message_of([&] { write_file_atomically(path, [](std::ostream& out) { out.setstate(std::ios::failbit); }); });
  EXPECT_THAT(message, HasSubstr("could not be produced"));
  EXPECT_EQ(files_in(directory.path()), 0u);
}

TEST(AtomicFile, FileSizeLimitIsReportedWithTheSystemsReason) {
  TemporaryDirectory directory;
  const fs::path path = directory.path() / "a";
  write_file_atomically(path, "old");
  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1 << 16, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto message = message_of([&] { write_file_atomically(path, std::string(1 << 20, 'x')); });
  const auto at_flush = message_of([&] {
    write_file_atomically(path, [](std::ostream& out) {
      for (int i = 0; i < 100'000; ++i) out.put('x');
    });
  });
  setrlimit(RLIMIT_FSIZE, &old_limit);
  signal(SIGXFSZ, old_handler);
  EXPECT_THAT(message, HasSubstr(path.string() + ": cannot be written: File too large"));
  EXPECT_THAT(at_flush, HasSubstr(": File too large"));
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST(AtomicFile, FullDiskIsReportedWithTheSystemsReason) {
  TemporaryDirectory directory;
  if (mount("none", directory.path().c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "a small file system cannot be mounted here";
  const fs::path path = directory.path() / "a";
  write_file_atomically(path, "old");
  const auto message = message_of([&] { write_file_atomically(path, std::string(1 << 20, 'x')); });
  const std::string content = read_file(path);
  const size_t files = files_in(directory.path());
  umount(directory.path().c_str());
  EXPECT_THAT(message, HasSubstr("No space left on device"));
  EXPECT_EQ(content, "old");
  EXPECT_EQ(files, 1u);
}

TEST(AtomicFile, KeepsModeAndFollowsLinks) {
  TemporaryDirectory directory;
  const fs::path path = directory.path() / "a", link = directory.path() / "link";
  write_file_atomically(path, "old");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("a", link);
  write_file_atomically(link, "new");
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(AtomicFile, NamesWhatCannotBeWritten) {
  TemporaryDirectory directory;
  const auto write_to = [](const fs::path& path) { return message_of([&] { write_file_atomically(path, "x"); }); };
  EXPECT_THAT(write_to(directory.path()), HasSubstr("is a directory"));
  EXPECT_THAT(write_to(directory.path() / "no" / "a"), HasSubstr("No such file or directory"));
  EXPECT_THAT(write_to("/dev/null"), HasSubstr("is a device"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THAT(write_to(""), HasSubstr("no file name"));
  EXPECT_THAT(write_to(directory.path() / std::string(300, 'n')), HasSubstr("File name too long"));
  EXPECT_EQ(files_in(directory.path()), 0u);
  write_file_atomically(directory.path() / std::string(255, 'n'), "longest name");
}

TEST(AtomicFile, NamesWhatCannotBeRead) {
  TemporaryDirectory directory;
  EXPECT_THAT(message_of([&] { read_file(directory.path() / "a"); }), HasSubstr("No such file or directory"));
  EXPECT_THAT(message_of([&] { read_file(directory.path()); }), HasSubstr("is a directory"));
  EXPECT_FALSE(read_file("/proc/self/stat").empty());  // a file whose size the system does not tell
}

TEST(AtomicFile, MakesDirectoriesAndSaysWhyNot) {
  TemporaryDirectory directory;
  make_directory(directory.path() / "a" / "b");
  make_directory(directory.path() / "a" / "b");
  EXPECT_TRUE(fs::is_directory(directory.path() / "a" / "b"));
  write_file_atomically(directory.path() / "file", "x");
  EXPECT_THAT(message_of([&] { make_directory(directory.path() / "file"); }), HasSubstr("Not a directory"));
  EXPECT_THAT(message_of([&] { make_directory(directory.path() / "file" / "b"); }), HasSubstr("Not a directory"));
}

}  // namespace
}  // namespace polytask
