#include <polytask/io/atomic_file.h>
#include <polytask/io/event_file.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <support/temporary_directory.h>

#include <cstring>
#include <ctime>
#include <map>

namespace polytask {
namespace {

using testing::HasSubstr;

template <class T>
T number_at(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// A protocol buffer message taken apart: for each field its last value, numbers as their raw bytes.
std::map<int, std::string> fields_of(const std::string& bytes) {
  std::map<int, std::string> fields;
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.at(at++));
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.size()) {
    const uint64_t key = varint();
    std::string value;
    if ((key & 7) == 0) {
      const uint64_t number = varint();
      value.assign(reinterpret_cast<const char*>(&number), sizeof(number));
    } else {
      const size_t size = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : varint();
      value = bytes.substr(at, size);
      at += size;
    }
    fields[static_cast<int>(key >> 3)] = value;
  }
  return fields;
}

std::vector<std::filesystem::path> event_files(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  return files;
}

// The records of an event file, checksums verified.
std::vector<std::string> records_of(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  std::vector<std::string> records;
  for (size_t at = 0; at < bytes.size();) {
    const auto length = number_at<uint64_t>(bytes, at);
    EXPECT_EQ(number_at<uint32_t>(bytes, at + 8), masked_crc32c(bytes.data() + at, 8));
    records.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(number_at<uint32_t>(bytes, at + 12 + length), masked_crc32c(records.back().data(), length));
    at += 16 + length;
  }
  return records;
}

TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(crc32c("123456789", 9), 0xe3069283u);
  EXPECT_EQ(crc32c("", 0), 0u);
  const std::string zeros(32, '\0'), ones(32, '\xff');  // RFC 3720, B.4
  EXPECT_EQ(crc32c(zeros.data(), zeros.size()), 0x8a9136aau);
  EXPECT_EQ(crc32c(ones.data(), ones.size()), 0x62a8ab43u);
  EXPECT_EQ(masked_crc32c("123456789", 9), 0xc78ab0e5u);
}

TEST(EventFile, HoldsVersionScalarsAndTexts) {
  TemporaryDirectory directory;
  const auto folder = directory.path() / "run" / "events";
  EventFile file(folder);
  file.add_scalar("train/loss", 0.25, 7);
  file.add_scalar("train/nan", std::nan(""), 300);
  file.add_text("config", "name: é", 0);
  file.flush();
  ASSERT_EQ(event_files(folder).size(), 1u);
  const auto path = event_files(folder)[0];
  EXPECT_THAT(path.filename().string(), HasSubstr("events.out.tfevents."));
  const auto records = records_of(path);
  ASSERT_EQ(records.size(), 4u);
  const auto version = fields_of(records[0]);
  EXPECT_EQ(version.at(3), "brain.Event:2");
  EXPECT_NEAR(number_at<double>(version.at(1), 0), static_cast<double>(std::time(nullptr)), 5);

  const auto scalar = fields_of(records[1]);
  EXPECT_EQ(number_at<int64_t>(scalar.at(2), 0), 7);
  const auto value = fields_of(fields_of(scalar.at(5)).at(1));
  EXPECT_EQ(value.at(1), "train/loss");
  EXPECT_EQ(number_at<float>(value.at(2), 0), 0.25f);
  const auto second = fields_of(records[2]);
  EXPECT_EQ(number_at<int64_t>(second.at(2), 0), 300);
  EXPECT_TRUE(std::isnan(number_at<float>(fields_of(fields_of(second.at(5)).at(1)).at(2), 0)));

  const auto text = fields_of(fields_of(fields_of(records[3]).at(5)).at(1));
  EXPECT_EQ(text.at(1), "config");
  const auto tensor = fields_of(text.at(8));
  EXPECT_EQ(number_at<int64_t>(tensor.at(1), 0), 7);  // DT_STRING
  EXPECT_EQ(tensor.at(8), "name: é");
  EXPECT_EQ(number_at<int64_t>(fields_of(fields_of(tensor.at(2)).at(2)).at(1), 0), 1);
  EXPECT_EQ(fields_of(fields_of(text.at(9)).at(1)).at(1), "text");
}

TEST(EventFile, NegativeStepsAndManyRecords) {
  TemporaryDirectory directory;
  {
    EventFile file(directory.path());
    for (int i = -1; i < 5000; ++i) file.add_scalar("a", i, i);
  }
  const auto records = records_of(event_files(directory.path())[0]);
  ASSERT_EQ(records.size(), 5002u);
  EXPECT_EQ(number_at<int64_t>(fields_of(records[1]).at(2), 0), -1);
  EXPECT_EQ(number_at<int64_t>(fields_of(records.back()).at(2), 0), 4999);
}

TEST(EventFile, TwoInOneSecondAreTwoFiles) {
  TemporaryDirectory directory;
  EventFile first(directory.path()), second(directory.path()), third(directory.path());
  EXPECT_EQ(event_files(directory.path()).size(), 3u);
}

TEST(EventFile, SaysWhyItCannotBeMade) {
  TemporaryDirectory directory;
  write_file_atomically(directory.path() / "file", "x");
  EXPECT_THAT(message_of([&] { EventFile(directory.path() / "file"); }), HasSubstr("Not a directory"));
}

}  // namespace
}  // namespace polytask
