#include <polytask/io/atomic_file.h>
#include <polytask/io/npy.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <support/shared_data.h>
#include <support/temporary_directory.h>

#include <torch/types.h>

#include <algorithm>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string npy_bytes(const std::string& dictionary, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {static_cast<char>(version), 0};
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>(dictionary.size() >> (8 * i) & 0xff);
  return bytes + dictionary + data;
}

std::string dictionary(const std::string& type, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }\n";
}

std::string raw(const at::Tensor& values) {
  const at::Tensor data = values.contiguous();
  return {static_cast<const char*>(data.data_ptr()), data.nbytes()};
}

std::string reversed_items(std::string bytes, size_t item) {
  for (size_t at = 0; at < bytes.size(); at += item)
    std::reverse(bytes.begin() + static_cast<long>(at), bytes.begin() + static_cast<long>(at + item));
  return bytes;
}

TEST(Npy, ReadsEveryTypeInBothByteOrders) {
  const at::Tensor values = torch::tensor({1, 0, 1, 100, 27, 3});
  const std::vector<std::pair<std::string, at::ScalarType>> types = {
      {"i1", torch::kChar}, {"u1", torch::kByte}, {"i2", torch::kShort}, {"i4", torch::kInt},
      {"i8", torch::kLong}, {"f2", torch::kHalf}, {"f4", torch::kFloat}, {"f8", torch::kDouble}};
  for (const auto& [name, type] : types) {
    const at::Tensor expected = values.to(type).view({2, 3});
    const std::string data = raw(expected);
    for (const bool big : {false, true}) {
      const std::string bytes = big ? reversed_items(data, static_cast<size_t>(name[1] - '0')) : data;
      const auto array = parse_npy(npy_bytes(dictionary((big ? ">" : "<") + name, "(2, 3)"), bytes), "x");
      EXPECT_EQ(array.values.scalar_type(), type) << name;
      EXPECT_TRUE(torch::equal(array.values, expected)) << name << big;
      EXPECT_THAT(array.shape, ElementsAre(2, 3));
      EXPECT_TRUE(array.texts.empty());
    }
  }
}

TEST(Npy, WidensUnsignedNumbers) {
  const std::string two("\x00\x00\xff\xff\x00\x80", 6), four("\xff\xff\xff\xff\x01\x00\x00\x00", 8);
  const auto u2 = parse_npy(npy_bytes(dictionary("<u2", "(3,)"), two), "x").values;
  EXPECT_TRUE(torch::equal(u2, torch::tensor({0, 65535, 32768}, torch::kInt))) << u2;
  const auto big = parse_npy(npy_bytes(dictionary(">u2", "(3,)"), two), "x").values;
  EXPECT_TRUE(torch::equal(big, torch::tensor({0, 65535, 128}, torch::kInt))) << big;
  const auto u4 = parse_npy(npy_bytes(dictionary("<u4", "(2,)"), four), "x").values;
  EXPECT_TRUE(torch::equal(u4, torch::tensor({4294967295, int64_t{1}}, torch::kLong))) << u4;
}

TEST(Npy, ReadsBoolsAndRefusesOtherBytes) {
  const auto parse = [](const std::string& data) {
    return parse_npy(npy_bytes(dictionary("|b1", "(3,)"), data), "f.npy");
  };
  const auto values = parse(std::string("\x01\x00\x01", 3)).values;
  EXPECT_TRUE(torch::equal(values, torch::tensor({true, false, true})));
  EXPECT_THAT(message_of([&] { parse(std::string("\x01\x00\x07", 3)); }),
              HasSubstr("f.npy: value 2 of a bool array is 7, expected 0 or 1"));
}

TEST(Npy, ReadsFortranOrder) {
  const at::Tensor expected = torch::arange(24).view({2, 3, 4}).to(torch::kInt);
  const std::string data = raw(expected.permute({2, 1, 0}));
  const auto array = parse_npy(npy_bytes(dictionary("<i4", "(2, 3, 4)", true), data), "x");
  EXPECT_TRUE(torch::equal(array.values, expected));
  EXPECT_TRUE(array.values.is_contiguous());
  EXPECT_THAT(array.shape, ElementsAre(2, 3, 4));
}

TEST(Npy, ReadsScalarsEmptyArraysAndAllVersions) {
  for (const int version : {1, 2, 3}) {
    EXPECT_EQ(
        parse_npy(npy_bytes(dictionary("<f4", "()"), raw(torch::full({}, 2.5f)), version), "x").values.item<float>(),
        2.5f);
    EXPECT_EQ(parse_npy(npy_bytes(dictionary("<f4", "(0, 3)"), "", version), "x").values.sizes(),
              at::IntArrayRef({0, 3}));
  }
}

TEST(Npy, ReadsTexts) {
  const std::u32string wide{U'a', U'é', 0, U'€', U'😀', U'z'};
  const std::string data(reinterpret_cast<const char*>(wide.data()), wide.size() * 4);
  const auto little = parse_npy(npy_bytes(dictionary("<U3", "(2,)"), data, 3), "x");
  EXPECT_THAT(little.texts, ElementsAre("aé", "€😀z"));
  EXPECT_FALSE(little.values.defined());
  EXPECT_EQ(parse_npy(npy_bytes(dictionary(">U3", "(2,)"), reversed_items(data, 4)), "x").texts, little.texts);
  const auto bytes = parse_npy(npy_bytes(dictionary("|S2", "(3,)"), std::string("ab\0\0c\0", 6)), "x");
  EXPECT_THAT(bytes.texts, ElementsAre("ab", "", "c"));
  const auto fortran = parse_npy(npy_bytes(dictionary("|S1", "(2, 3)", true), "adbecf"), "x");
  EXPECT_THAT(fortran.texts, ElementsAre("a", "b", "c", "d", "e", "f"));
  EXPECT_THAT(fortran.shape, ElementsAre(2, 3));
}

TEST(Npy, RefusesTextsThatAreNoCharacters) {
  const std::string surrogate("\x00\xd8\x00\x00", 4);
  EXPECT_THAT(message_of([&] { parse_npy(npy_bytes(dictionary("<U1", "(1,)"), surrogate), "f.npy"); }),
              HasSubstr("f.npy: text 0 holds U+D800"));
}

TEST(Npy, WritesWhatItReads) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "a.npy";
  for (const auto type : {torch::kBool, torch::kByte, torch::kChar, torch::kShort, torch::kInt, torch::kLong,
                          torch::kHalf, torch::kFloat, torch::kDouble}) {
    const at::Tensor values = torch::randint(0, 2, {3, 4, 5}).to(type).permute({2, 0, 1});
    write_npy(path, values);
    const at::Tensor back = read_npy(path).values;
    EXPECT_EQ(back.scalar_type(), type);
    EXPECT_TRUE(torch::equal(back, values)) << at::toString(type);
  }
  write_npy(path, torch::full({7}, 1.5f));
  const std::string bytes = read_file(path);
  EXPECT_EQ(bytes.size() % 64, 28u);  // a header of a multiple of 64, then 7 floats
  EXPECT_THAT(bytes, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }"));
  EXPECT_THAT(message_of([&] { write_npy(path, torch::zeros({2}, torch::kBFloat16)); }),
              HasSubstr("no type for tensors of BFloat16"));
}

TEST(Npy, EveryTruncationAndTrailingBytesAreErrors) {
  for (const std::string type : {"<f4", "<U1", "|S4"}) {
    const std::string bytes = npy_bytes(dictionary(type, "(3,)"), std::string(12, '\0'));
    parse_npy(bytes, "f.npy");
    for (size_t length = 0; length < bytes.size(); ++length)
      EXPECT_THAT(message_of([&] { parse_npy(bytes.substr(0, length), "f.npy"); }),
                  HasSubstr("f.npy: truncated npy file"))
          << length;
    EXPECT_THAT(message_of([&] { parse_npy(bytes + "x", "f.npy"); }), HasSubstr("trailing bytes"));
  }
}

TEST(Npy, NamesWhatIsWrong) {
  const auto parse = [](const std::string& header) {
    return message_of([&] { parse_npy(npy_bytes(header, "data"), "f.npy"); });
  };
  EXPECT_THAT(message_of([] { parse_npy("not an array", "f.npy"); }), HasSubstr("f.npy: no npy file"));
  EXPECT_THAT(message_of([] { parse_npy(npy_bytes(dictionary("<f4", "(1,)"), "data", 9), "f.npy"); }),
              HasSubstr("npy version 9.0"));
  EXPECT_THAT(parse(dictionary("|O", "(1,)")), HasSubstr("pickled objects"));
  EXPECT_THAT(parse(dictionary("<c8", "(1,)")), HasSubstr("unknown npy type \"<c8\""));
  EXPECT_THAT(parse(dictionary("<f44", "(1,)")), HasSubstr("unknown npy type \"<f44\""));
  EXPECT_THAT(parse(dictionary("", "(1,)")), HasSubstr("unknown npy type \"\""));
  EXPECT_THAT(parse(dictionary("<U0", "(1,)")), HasSubstr("unknown npy type"));
  EXPECT_THAT(parse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"),
              HasSubstr("structured npy array"));
  EXPECT_THAT(parse("{'descr': '<f4', 'fortran_order': False}"), HasSubstr("lacks \"shape\""));
  EXPECT_THAT(parse("{'descr': '<f4', 'descr': '<f4'}"), HasSubstr("\"descr\" twice"));
  EXPECT_THAT(parse("{'descr': '<f4', 'other': 1}"), HasSubstr("unknown key \"other\""));
  EXPECT_THAT(parse("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}"),
              HasSubstr("expected True or False at byte 34"));
  EXPECT_THAT(parse(dictionary("<f4", "(-1,)")), HasSubstr("expected a size"));
  EXPECT_THAT(parse(dictionary("<f4", "(1 2)")), HasSubstr("expected \",\" or \")\""));
  EXPECT_THAT(parse(dictionary("<f4", "(1,)") + "x"), HasSubstr("expected the end"));
  EXPECT_THAT(parse(dictionary("<f4", "(4294967296, 4294967296)")), HasSubstr("larger than any memory"));
  EXPECT_THAT(parse(dictionary("<U9223372036854775807", "(1,)")), HasSubstr("larger than any memory"));
  EXPECT_THAT(parse(dictionary("<f4", "(0, 9223372036854775807, 9223372036854775807)")),
              HasSubstr("larger than any memory"));
}

TEST(Npy, ReadsRealPatches) {
  const auto folder = shared_path("data/dense/biomassters_sample/npy");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  const auto patches = read_npy(folder / "patches_all.npy");
  EXPECT_THAT(patches.shape, ElementsAre(48, 5, 64, 64));
  EXPECT_EQ(patches.values.scalar_type(), torch::kFloat);
  EXPECT_TRUE(torch::isfinite(patches.values).any().item<bool>());
  const auto sites = read_npy(folder / "sites_all.npy");
  ASSERT_EQ(sites.texts.size(), 48u);
  EXPECT_EQ(sites.texts[0].size(), 8u);
}

}  // namespace
}  // namespace polytask
