#include <polytask/io/atomic_file.h>
#include <polytask/io/safetensors.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <support/temporary_directory.h>

#include <torch/types.h>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string file_bytes(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

TEST(Safetensors, RoundTripOfEveryType) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  NamedTensors tensors;
  for (const auto type : {torch::kDouble, torch::kFloat, torch::kHalf, torch::kBFloat16, torch::kLong, torch::kInt,
                          torch::kShort, torch::kChar, torch::kByte, torch::kBool})
    tensors[std::string("a.") + at::toString(type)] = torch::randint(0, 2, {3, 5}).to(type);
  tensors["scalar"] = torch::full({}, 2.5);
  tensors["empty"] = torch::zeros({0, 4});
  tensors["odd \"name\" é\n"] = torch::arange(3);
  write_safetensors(path, tensors, {{"epoch", "3"}, {"note", "a \"quoted\" line\n"}});
  const Safetensors back = read_safetensors(path);
  EXPECT_THAT(back.metadata, ElementsAre(Pair("epoch", "3"), Pair("note", "a \"quoted\" line\n")));
  ASSERT_EQ(back.tensors.size(), tensors.size());
  for (const auto& [name, values] : tensors) {
    EXPECT_EQ(back.tensors.at(name).scalar_type(), values.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(back.tensors.at(name), values)) << name;
    EXPECT_TRUE(back.tensors.at(name).is_contiguous());
  }
  EXPECT_EQ(read_safetensors_metadata(path), back.metadata);
  EXPECT_EQ(parse_safetensors(read_file(path), "x").tensors.size(), tensors.size());
}

TEST(Safetensors, WritesAnyLayoutAsContiguousData) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  const at::Tensor base = torch::randn({4, 6}).requires_grad_();
  const at::Tensor image = torch::randn({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor sparse = torch::eye(3).to_sparse();
  write_safetensors(
      path, {{"transposed", base.t()}, {"slice", base.slice(1, 1, 6, 2)}, {"image", image}, {"sparse", sparse}});
  const auto back = read_safetensors(path).tensors;
  EXPECT_TRUE(torch::equal(back.at("transposed"), base.t()));
  EXPECT_TRUE(torch::equal(back.at("slice"), base.slice(1, 1, 6, 2)));
  EXPECT_TRUE(torch::equal(back.at("image"), image));
  EXPECT_TRUE(torch::equal(back.at("sparse"), torch::eye(3)));
  EXPECT_FALSE(back.at("slice").requires_grad());
}

TEST(Safetensors, WritesTheFormat) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  write_safetensors(path, {{"a", torch::tensor({7, 8}, torch::kByte)}, {"b", torch::tensor({1.0f})}}, {{"k", "v"}});
  const std::string header = R"({"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                             R"("a":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(read_file(path), file_bytes(padded, std::string("\x00\x00\x80\x3f\x07\x08", 6)));
  write_safetensors(path, {});
  EXPECT_TRUE(read_safetensors(path).tensors.empty());
}

TEST(Safetensors, EveryTruncationIsAnError) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  write_safetensors(path, {{"a", torch::arange(3)}, {"b", torch::ones({2}, torch::kBool)}});
  const std::string bytes = read_file(path);
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THAT(message_of([&] { parse_safetensors(bytes.substr(0, length), "f.st"); }), HasSubstr("truncated"))
        << length;
  write_file_atomically(path, bytes.substr(0, bytes.size() - 1));
  EXPECT_THAT(message_of([&] { read_safetensors(path); }),
              HasSubstr("tensor \"b\": data ends at byte 26, the file has 25"));
}

TEST(Safetensors, NamesTensorAndExpectation) {
  const auto parse = [](const std::string& header, size_t data = 8) {
    return message_of([&] { parse_safetensors(file_bytes(header, std::string(data, '\0')), "f.st"); });
  };
  const auto entry = [](const std::string& name, const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  const auto one = [&](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return parse("{" + entry("w", dtype, shape, offsets) + "}");
  };
  EXPECT_EQ(one("F32", "[2]", "[0,8]"), "(no error)");
  EXPECT_THAT(one("F32", "[3]", "[0,8]"),
              HasSubstr("f.st: tensor \"w\": shape [3] of F32 needs 12 bytes, data_offsets span 8"));
  EXPECT_THAT(one("U64", "[1]", "[0,8]"), HasSubstr("dtype \"U64\" is not known; known are F64, F32"));
  EXPECT_THAT(one("F32", "[2]", "[8,0]"), HasSubstr("data_offsets are [8, 0], expected [begin, end]"));
  EXPECT_THAT(one("F32", "[2]", "[0,8,9]"), HasSubstr("expected [begin, end]"));
  EXPECT_THAT(one("F32", "[-2]", "[0,8]"), HasSubstr("shape holds \"-2\", expected a size"));
  EXPECT_THAT(one("F32", "[2.0]", "[0,8]"), HasSubstr("shape holds \"2.0\""));
  EXPECT_THAT(one("F32", "[\"2\"]", "[0,8]"), HasSubstr("shape holds \"2\", expected a size"));
  EXPECT_THAT(one("F32", "2", "[0,8]"), HasSubstr("shape is no list"));
  EXPECT_THAT(one("F32", "[9223372036854775807,9223372036854775807]", "[0,8]"), HasSubstr("larger than any memory"));
  EXPECT_THAT(one("F32", "[0,9223372036854775807,9]", "[0,0]"), HasSubstr("larger than any memory"));
  EXPECT_THAT(one("F32", "[1]", "[4,8]"), HasSubstr("leaving a hole"));
  EXPECT_THAT(one("F32", "[1]", "[0,4]"), HasSubstr("8 bytes of data, the header describes 4"));
  EXPECT_THAT(parse("{" + entry("v", "F32", "[2]", "[0,8]") + "," + entry("w", "F32", "[1]", "[4,8]") + "}"),
              HasSubstr("tensor \"w\": data_offsets begin at 4, overlapping the data before, which ends at 8"));
  EXPECT_THAT(parse("{" + entry("w", "F32", "[1]", "[0,4]") + "," + entry("w", "F32", "[1]", "[4,8]") + "}"),
              HasSubstr("twice"));
  EXPECT_THAT(parse(R"({"w":{"dtype":"F32","shape":[2]}})"), HasSubstr("tensor \"w\": lacks \"data_offsets\""));
  EXPECT_THAT(parse(R"({"w":3})"), HasSubstr("its header entry is no object"));
  EXPECT_THAT(parse("[]"), HasSubstr("the header is no JSON object"));
  EXPECT_THAT(parse("{\"w\":"), HasSubstr("f.st (header):1: column 6: no JSON"));
  EXPECT_THAT(parse(R"({"__metadata__":{"a":1}})", 0), HasSubstr("__metadata__ \"a\" is no text"));
  EXPECT_THAT(parse(R"({"__metadata__":[]})", 0), HasSubstr("__metadata__ is no object"));
  EXPECT_THAT(message_of([] { parse_safetensors(std::string(100, '\xff'), "f.st"); }),
              HasSubstr("no safetensors file"));
  const std::string bools = "{" + entry("mask", "BOOL", "[2]", "[0,2]") + "}";
  EXPECT_THAT(message_of([&] { parse_safetensors(file_bytes(bools, "\x01\x02"), "f.st"); }),
              HasSubstr("tensor \"mask\": value 1 of a BOOL tensor is 2"));
}

TEST(Safetensors, RefusesWhatItCannotWrite) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "a.safetensors";
  const auto write = [&](const std::string& name, const at::Tensor& values) {
    return message_of([&] { write_safetensors(path, {{name, values}}); });
  };
  EXPECT_THAT(write("w", torch::zeros({1}, torch::kComplexFloat)),
              HasSubstr("tensor \"w\": safetensors has no dtype for ComplexFloat"));
  EXPECT_THAT(write("w", at::Tensor()), HasSubstr("tensor \"w\": is not defined"));
  EXPECT_THAT(write("__metadata__", torch::zeros({1})), HasSubstr("no tensor can be named"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace polytask
