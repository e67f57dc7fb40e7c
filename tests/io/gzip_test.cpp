#include <polytask/io/atomic_file.h>
#include <polytask/io/gzip.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <support/temporary_directory.h>
#include <zlib.h>

namespace polytask {
namespace {

using testing::HasSubstr;

std::string gzipped(const std::string& content) {
  TemporaryDirectory directory;
  const std::string path = (directory.path() / "x.gz").string();
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return read_file(path);
}

std::string sample(size_t size) {
  std::string content;
  for (size_t i = 0; i < size; ++i) content += static_cast<char>(i * i % 251);
  return content;
}

TEST(Gzip, InflatesAndPassesPlainBytes) {
  TemporaryDirectory directory;
  const std::string content = sample(200'000);
  write_file_atomically(directory.path() / "plain", content);
  write_file_atomically(directory.path() / "packed", gzipped(content));
  EXPECT_EQ(read_maybe_gzip(directory.path() / "plain"), content);
  EXPECT_EQ(read_maybe_gzip(directory.path() / "packed"), content);
  EXPECT_EQ(inflate_if_gzip("", "x"), "");
  EXPECT_EQ(inflate_if_gzip(gzipped(""), "x"), "");
}

TEST(Gzip, ReadsSeveralMembersAndMoreThanTheTrailerPromises) {
  const std::string large(5'000'000, 'a');
  EXPECT_EQ(inflate_if_gzip(gzipped(large) + gzipped("b") + gzipped(""), "x"), large + "b");
}

TEST(Gzip, EveryTruncationIsAnError) {
  const std::string packed = gzipped(sample(2000));
  for (size_t length = 2; length < packed.size(); ++length)
    EXPECT_THAT(message_of([&] { inflate_if_gzip(packed.substr(0, length), "f.gz"); }),
                HasSubstr("f.gz: truncated gzip"))
        << length;
}

TEST(Gzip, CorruptionIsAnError) {
  const std::string packed = gzipped(sample(2000));
  std::string wrong_checksum = packed;
  wrong_checksum[packed.size() - 6] = static_cast<char>(wrong_checksum[packed.size() - 6] ^ 1);
  EXPECT_THAT(message_of([&] { inflate_if_gzip(wrong_checksum, "f.gz"); }),
              HasSubstr("corrupt gzip: incorrect data check"));
  EXPECT_THAT(message_of([&] { inflate_if_gzip(packed + "tail", "f.gz"); }), HasSubstr("4 bytes follow its end"));
}

}  // namespace
}  // namespace polytask
