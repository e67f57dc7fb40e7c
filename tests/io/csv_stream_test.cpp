#include "message_of.h"

#include <polytask/io/atomic_file.h>
#include <polytask/io/csv_stream.h>
#include <polytask/io/spool_file.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

namespace polytask {
namespace {

using testing::HasSubstr;

class CsvStreamTest : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& content) {
    write_file_atomically(directory_.path() / "t.csv", content);
    return directory_.path() / "t.csv";
  }
  // Row by row, what read_csv gives whole.
  void same_as_read_csv(const std::string& content, const CsvOptions& options = {}) {
    const auto path = write(content);
    const CsvTable table = read_csv(path, options);
    CsvStream stream(path, options);
    EXPECT_EQ(stream.names(), table.names);
    for (size_t row = 0; row < table.lines.size(); ++row) {
      ASSERT_TRUE(stream.next()) << row;
      ASSERT_EQ(stream.line(), table.lines[row]);
      for (size_t c = 0; c < table.names.size(); ++c)
        ASSERT_EQ(stream.is_missing(stream.fields()[c]) ? "" : stream.fields()[c], table.columns[c][row]);
    }
    EXPECT_FALSE(stream.next());
  }
  TemporaryDirectory directory_;
};

TEST_F(CsvStreamTest, gives_what_read_csv_gives) {
  same_as_read_csv("a,b\n1,x\n2,NA\n\n3,\"y, z\"\n");
  same_as_read_csv(
      "\xef\xbb\xbf"
      "a;b\r\n1,5;x\r\n2;\r\n",
      {"auto", {}, "", true, {""}});
  same_as_read_csv("# said\na\tb\n1\t2", {"auto", {}, "#", false, {""}});
}

// Quotes, line breaks inside them and CRLF fall on every place relative to the ends of blocks.
TEST_F(CsvStreamTest, rows_go_on_across_blocks) {
  for (const char* line_break : {"\n", "\r\n", "\r"}) {
    std::string content = std::string("name,text") + line_break;
    for (int i = 0; content.size() < 700000; ++i) {
      content += std::to_string(i) + ",";
      content += i % 3 == 0 ? "\"two\nlines, \"\"quoted\"\"\"" : std::string(static_cast<size_t>(i % 17), 'x');
      content += line_break;
    }
    SCOPED_TRACE(content.substr(0, 12));
    same_as_read_csv(content);
  }
}

TEST_F(CsvStreamTest, mistakes_far_into_a_file_are_placed) {
  std::string content = "a,b\n";
  for (int i = 0; i < 200000; ++i) content += "1,2\n";
  const auto read = [&](const std::string& end) {
    const auto path = write(content + end);
    return message_of([&] {
      CsvStream stream(path);
      while (stream.next()) continue;
    });
  };
  EXPECT_THAT(read("1,2,3\n1,2\n"), HasSubstr("t.csv:200002: 3 fields where the header has 2"));
  EXPECT_THAT(read("1,\"2\n"), HasSubstr("t.csv:200002: a quoted field that starts in this row is never closed"));
  EXPECT_THAT(read(std::string("1,\0\n", 4)), HasSubstr("t.csv:200002: holds a NUL byte"));
}

TEST_F(CsvStreamTest, columns_are_found_by_name) {
  const auto path = write("genus,height\nPinus,3\n");
  const CsvStream stream(path);
  EXPECT_EQ(stream.column_index("height"), 1U);
  EXPECT_THAT(message_of([&] { stream.column_index("heigth"); }), HasSubstr("did you mean \"height\""));
  const auto empty = write("");
  EXPECT_THAT(message_of([&] { CsvStream again(empty); }), HasSubstr("is empty"));
}

TEST(SpoolFile, gives_back_what_was_appended) {
  SpoolFile file;
  file.append("abc", 3);
  file.append("defg", 4);
  char text[8] = {};
  EXPECT_EQ(file.read(2, text, 4), 4U);
  EXPECT_STREQ(text, "cdef");
  EXPECT_EQ(file.read(5, text, 8), 2U);
}

}  // namespace
}  // namespace polytask
