#include <polytask/io/atomic_file.h>
#include <polytask/io/idx.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <support/shared_data.h>
#include <support/temporary_directory.h>
#include <zlib.h>

#include <torch/types.h>

namespace polytask {
namespace {

using testing::HasSubstr;

// An IDX file written byte by byte; each item's bytes are given most significant first.
std::string idx_bytes(char code, const std::vector<uint32_t>& shape, const std::string& data) {
  std::string bytes{0, 0, code, static_cast<char>(shape.size())};
  for (const uint32_t n : shape)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift & 0xff);
  return bytes + data;
}

TEST(Idx, ReadsEveryType) {
  const auto check = [](char code, const std::string& data, const at::Tensor& expected) {
    const at::Tensor values = parse_idx(idx_bytes(code, {2}, data), "x");
    EXPECT_EQ(values.scalar_type(), expected.scalar_type());
    EXPECT_TRUE(torch::equal(values, expected)) << values;
  };
  check(0x08, std::string("\x01\xff", 2), torch::tensor({1, 255}, torch::kByte));
  check(0x09, std::string("\x01\xff", 2), torch::tensor({1, -1}, torch::kChar));
  check(0x0B, std::string("\x01\x02\xff\xfe", 4), torch::tensor({258, -2}, torch::kShort));
  check(0x0C, std::string("\x00\x01\x02\x03\xff\xff\xff\xfe", 8), torch::tensor({66051, -2}, torch::kInt));
  check(0x0D, std::string("\x3f\x80\x00\x00\xc0\x20\x00\x00", 8), torch::tensor({1.0f, -2.5f}));
  check(0x0E, std::string("\x3f\xf0\x00\x00\x00\x00\x00\x00\xc0\x04\x00\x00\x00\x00\x00\x00", 16),
        torch::tensor({1.0, -2.5}, torch::kDouble));
}

TEST(Idx, ReadsAnyNumberOfDimensions) {
  EXPECT_EQ(parse_idx(idx_bytes(8, {}, "a"), "x").item<int>(), 'a');
  EXPECT_EQ(parse_idx(idx_bytes(8, {0, 3}, ""), "x").sizes(), at::IntArrayRef({0, 3}));
  const at::Tensor values = parse_idx(idx_bytes(8, {1, 2, 1, 3}, "abcdef"), "x");
  EXPECT_EQ(values.sizes(), at::IntArrayRef({1, 2, 1, 3}));
  EXPECT_EQ(values[0][1][0][2].item<int>(), 'f');
}

TEST(Idx, RoundTripPlainAndGzip) {
  TemporaryDirectory directory;
  const auto plain = directory.path() / "images", packed = directory.path() / "images-without-gz";
  const at::Tensor images = torch::randint(0, 256, {7, 5, 4}).to(torch::kByte);
  write_idx(plain, images.transpose(1, 2));
  const std::string bytes = read_file(plain);
  gzFile file = gzopen(packed.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  EXPECT_TRUE(torch::equal(read_idx(plain), images.transpose(1, 2)));
  EXPECT_TRUE(torch::equal(read_idx(packed), read_idx(plain)));
}

TEST(Idx, EveryTruncationIsAnError) {
  const std::string bytes = idx_bytes(0x0B, {2, 3}, std::string(12, 'x'));
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THAT(message_of([&] { parse_idx(bytes.substr(0, length), "f.idx"); }),
                HasSubstr("f.idx: truncated IDX file"))
        << length;
  EXPECT_EQ(parse_idx(bytes, "f.idx").numel(), 6);
}

TEST(Idx, NamesWhatIsWrong) {
  const auto parse = [](const std::string& bytes) { return message_of([&] { parse_idx(bytes, "f.idx"); }); };
  EXPECT_THAT(parse(idx_bytes(8, {2}, "abc")),
              HasSubstr("overlong IDX file: shape [2] needs 2 bytes of data, the file has 3"));
  EXPECT_THAT(parse(idx_bytes(8, {3}, "ab")),
              HasSubstr("truncated IDX file: shape [3] needs 3 bytes of data, the file has 2"));
  EXPECT_THAT(parse(idx_bytes(0x0A, {2}, "ab")), HasSubstr("magic number 00000a01"));
  EXPECT_THAT(parse("PK\x03\x04 more"), HasSubstr("no IDX file: magic number 504b0304"));
  EXPECT_THAT(parse(idx_bytes(8, {0xffffffff, 0xffffffff, 0xffffffff}, "a")), HasSubstr("larger than any memory"));
  EXPECT_THAT(parse(idx_bytes(8, std::vector<uint32_t>(65, 1), "a")), HasSubstr("65 dimensions"));
  TemporaryDirectory directory;
  EXPECT_THAT(message_of([&] { write_idx(directory.path() / "a", torch::zeros({2})); }), HasSubstr("uint8 tensor"));
}

TEST(Idx, ReadsMnist) {
  const auto folder = shared_path("data/mnist");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  const at::Tensor images = read_idx(folder / "t10k-images-idx3-ubyte.gz");
  const at::Tensor labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(images.sizes(), at::IntArrayRef({10000, 28, 28}));
  EXPECT_EQ(labels.sizes(), at::IntArrayRef({10000}));
  EXPECT_EQ(labels[0].item<int>(), 7);  // the first test digit is a seven
  EXPECT_EQ((labels == 1).sum().item<int>(), 1135);
}

}  // namespace
}  // namespace polytask
