#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <rapidcheck/gtest.h>
#include <support/shared_data.h>
#include <support/temporary_directory.h>

#include <chrono>
#include <cmath>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Csv, ReadsQuotesSpacesAndLineEnds) {
  const auto table = parse_csv(
      "\xef\xbb\xbf"
      "a, b ,\"c d\"\r\n1,\"x, \"\"y\"\"\nz\", 3\r\n ?,NA,nan\r\n\r\n\r\n",
      "t");
  EXPECT_EQ(table.file, "t");
  EXPECT_THAT(table.names, ElementsAre("a", "b", "c d"));
  EXPECT_THAT(table.columns[0], ElementsAre("1", ""));
  EXPECT_THAT(table.columns[1], ElementsAre("x, \"y\"\nz", ""));
  EXPECT_THAT(table.columns[2], ElementsAre("3", "nan"));
  EXPECT_THAT(table.lines, ElementsAre(2, 4));
  EXPECT_EQ(table.rows(), 2);
  EXPECT_EQ(table.column_index("c d"), 2);
}

TEST(Csv, KeepsSpacesInsideQuotesAndQuotesInsideTexts) {
  const auto table = parse_csv("a,b\n\" x \" , 5\" pipe\n", "t");
  EXPECT_EQ(table.columns[0][0], " x ");
  EXPECT_EQ(table.columns[1][0], "5\" pipe");
}

TEST(Csv, FindsTheDelimiter) {
  const auto names = [](const std::string& text) { return parse_csv(text, "t").names; };
  EXPECT_THAT(names("a,b\n1,2\n"), ElementsAre("a", "b"));
  EXPECT_THAT(names("a;b\n\"1;5\";2\n"), ElementsAre("a", "b"));
  EXPECT_THAT(names("a\tb c\n1\t2 3\n"), ElementsAre("a", "b c"));
  EXPECT_THAT(names("a\tb\n1\t\n\t2\n"), ElementsAre("a", "b"));
  EXPECT_THAT(names("a b\n1   2\n 3 \t 4 \n"), ElementsAre("a", "b"));
  EXPECT_THAT(names("a, b, c\nx y, y z, z\n"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names("a;b\n3,14;2,71\n1,5;x\n"), ElementsAre("a", "b"));
  EXPECT_THAT(names("only\n1\n2\n"), ElementsAre("only"));
  EXPECT_THAT(names("date time,v\n1 2,3\n"), ElementsAre("date time", "v"));
}

TEST(Csv, DecimalCommasAreNoDelimiterUnlessNothingElseIs) {
  CsvOptions options;
  options.decimal_comma = true;
  const auto first_row = [&](const std::string& text) {
    std::vector<std::string> row;
    for (const auto& column : parse_csv(text, "t", options).columns) row.push_back(column[0]);
    return row;
  };
  EXPECT_THAT(first_row("a b c\n3,14 2,71 1,5\n"), ElementsAre("3,14", "2,71", "1,5"));
  EXPECT_THAT(first_row("a;b\n3,14;2,71\n"), ElementsAre("3,14", "2,71"));
  EXPECT_THAT(first_row("a,b\n\"3,14\",2\n"), ElementsAre("3,14", "2"));
  options.columns = {"x", "y"};
  EXPECT_THAT(first_row("3,14;2,71\n1,5;2,5\n"), ElementsAre("3,14", "2,71"));
}

TEST(Csv, ColumnsSayThatThereIsNoHeader) {
  CsvOptions options;
  options.columns = {"x", "y"};
  const auto table = parse_csv("3,14;2\n1,5;4\n", "t", options);
  EXPECT_THAT(table.columns[0], ElementsAre("3,14", "1,5"));
  EXPECT_THAT(table.lines, ElementsAre(1, 2));
  EXPECT_THAT(message_of([&] { parse_csv("x,y\n1,2\n", "t", options); }), HasSubstr("t:1: repeats the names"));
  EXPECT_THAT(message_of([&] { parse_csv("1,2\n1,2,3\n", "t", options); }),
              HasSubstr("t:2: 3 fields where `columns` names 2"));
}

TEST(Csv, CommentsBlankLinesAndLastLineWithoutEnd) {
  CsvOptions options;
  options.comment = "|";
  const auto table = parse_csv("|1x3 Cross validator\na,b\n\n1,2\n| more\n3,4", "t", options);
  EXPECT_THAT(table.columns[1], ElementsAre("2", "4"));
  EXPECT_THAT(table.lines, ElementsAre(4, 6));
}

TEST(Csv, BlankLineOfASingleColumnIsAMissingValueExceptAtTheEnd) {
  const auto table = parse_csv("a\n1\n\n2\n\n\n", "t");
  EXPECT_THAT(table.columns[0], ElementsAre("1", "", "2"));
  EXPECT_THAT(table.lines, ElementsAre(2, 3, 4));
}

TEST(Csv, MissingValuesAreTheOnesNamed) {
  CsvOptions options;
  options.missing = {"-9999"};
  const auto table = parse_csv("a,b\n-9999,NA\n", "t", options);
  EXPECT_EQ(table.columns[0][0], "");
  EXPECT_EQ(table.columns[1][0], "NA");
}

TEST(Csv, OptionsAreDataAndDelimitersCanBeNamed) {
  const auto options = read_options<CsvOptions>(Node::map_of({{"delimiter", Node::scalar_of("tab")},
                                                              {"decimal_comma", Node::scalar_of("true")},
                                                              {"missing", Node::sequence_of({Node::scalar_of("-")})}}));
  EXPECT_TRUE(options.decimal_comma);
  EXPECT_THAT(options.missing, ElementsAre("-"));
  EXPECT_THAT(parse_csv("a,b\tc\n1\t-\n", "t", options).names, ElementsAre("a,b", "c"));
  CsvOptions pipe;
  pipe.delimiter = "|";
  EXPECT_THAT(parse_csv("a|b\n1|2\n", "t", pipe).names, ElementsAre("a", "b"));
  pipe.delimiter = "::";
  EXPECT_THAT(message_of([&] { parse_csv("a\n1\n", "t", pipe); }), HasSubstr("delimiter \"::\" is not possible"));
}

TEST(Csv, NamesFileAndLine) {
  const auto parse = [](const std::string& text) { return message_of([&] { parse_csv(text, "t.csv"); }); };
  EXPECT_EQ(parse("a,b,c\n1,2,3\n1,2\n"), "t.csv:3: 2 fields where the header has 3");
  EXPECT_EQ(parse("a,b\n1,2\n1\n"), "t.csv:3: 1 field where the header has 2");
  EXPECT_EQ(parse("a,b\n1,2\n1,2,\n"), "t.csv:3: 3 fields where the header has 2");
  EXPECT_THAT(parse("a,b\n1,2\n\"open,3\n4,5\n"),
              HasSubstr("t.csv:3: a quoted field that starts in this row is never closed"));
  EXPECT_THAT(parse("a,b\n\"x\"y,2\n"), HasSubstr("t.csv:2: field 1 goes on after its closing quote"));
  EXPECT_THAT(parse("a,b,a\n1,2,3\n"), HasSubstr("t.csv:1: two columns are named \"a\""));
  EXPECT_THAT(parse("a,,c\n1,2,3\n"), HasSubstr("t.csv:1: column 2 of 3 has no name"));
  EXPECT_THAT(parse("a,b\n"), HasSubstr("t.csv: has a header but no rows"));
  EXPECT_THAT(parse("\n \n"), HasSubstr("t.csv: is empty"));
  EXPECT_THAT(parse(""), HasSubstr("t.csv: is empty"));
  EXPECT_THAT(parse(std::string("\xff\xfe"
                                "a\0",
                                4)),
              HasSubstr("UTF-16"));
  EXPECT_THAT(parse(std::string("a,b\n1,\0\n", 8)), HasSubstr("t.csv:2: holds a NUL byte"));
  EXPECT_THAT(message_of([] { parse_csv("height,mass\n1,2\n", "t.csv").column_index("heigth"); }),
              HasSubstr("t.csv: has no column \"heigth\"; did you mean \"height\"?"));
}

TEST(Csv, NumbersAreDecimalNumbersOnly) {
  const auto number = [](const std::string& text, bool comma = false) { return csv_number(text, comma, "t:1"); };
  EXPECT_EQ(number("3.38E-05"), 3.38e-05);
  EXPECT_EQ(number("+7"), 7.0);
  EXPECT_EQ(number("-.5"), -0.5);
  EXPECT_EQ(number("1."), 1.0);
  EXPECT_EQ(number("1e-999"), 0.0);
  EXPECT_EQ(number("3,14", true), 3.14);
  EXPECT_TRUE(std::isnan(number("")));
  for (const std::string text :
       {"x", "1x", "inf", "-inf", "nan", "0x10", "1e999", "1,5", "--1", "+-1", "-", ".", "e5", "1 2", "+"})
    EXPECT_THAT(message_of([&] { number(text); }), HasSubstr("t:1: \"" + text + "\" is no number")) << text;
  EXPECT_THAT(message_of([&] { number("3.14", true); }), HasSubstr("decimal comma"));
  EXPECT_TRUE(is_numeric_column({"1", "", "2.5"}, false));
  EXPECT_FALSE(is_numeric_column({"1", "a"}, false));
  EXPECT_FALSE(is_numeric_column({"1,5"}, false));
  EXPECT_TRUE(is_numeric_column({"1,5"}, true));
}

TEST(Csv, WritesLines) {
  EXPECT_EQ(csv_line({"a", "b c", "d,e", "f\"g", " h", "two\nlines", ""}),
            "a,b c,\"d,e\",\"f\"\"g\",\" h\",\"two\nlines\",");
  EXPECT_EQ(csv_line({""}), "\"\"");
}

RC_GTEST_PROP(CsvProperty, WhatIsWrittenReadsBack, (std::vector<std::string> fields)) {
  RC_PRE(!fields.empty());
  std::vector<std::string> names;
  for (size_t i = 0; i < fields.size(); ++i) names.push_back("c" + std::to_string(i));
  for (auto& field : fields)
    for (char& c : field)
      if (c == '\0') c = ',';
  CsvOptions options;
  options.delimiter = ",";
  options.missing = {};
  const auto table = parse_csv(csv_line(names) + "\n" + csv_line(fields) + "\n", "t", options);
  RC_ASSERT(table.rows() == 1);
  for (size_t i = 0; i < fields.size(); ++i) RC_ASSERT(table.columns[i][0] == fields[i]);
}

RC_GTEST_PROP(CsvProperty, AnyTextIsATableOrAnInputError, (const std::string& text, bool comma)) {
  CsvOptions options;
  options.decimal_comma = comma;
  try {
    const auto table = parse_csv(text, "t", options);
    for (const auto& column : table.columns) RC_ASSERT(static_cast<int64_t>(column.size()) == table.rows());
  } catch (const InputError&) {
  }
}

class RealTables : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(shared_path("data/tabular"))) GTEST_SKIP() << "the shared data are not here";
  }
  static CsvTable read(const std::string& file, const CsvOptions& options = {}) {
    return read_csv(shared_path("data") / file, options);
  }
};

TEST_F(RealTables, Adult) {
  CsvOptions options;
  options.columns = read("tabular/adult/adult_small.csv").names;
  options.columns.pop_back();  // its "split"
  options.comment = "|";
  const auto start = std::chrono::steady_clock::now();
  const auto train = read("tabular/adult/adult.data", options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 1.0);
  EXPECT_EQ(train.rows(), 32561);
  EXPECT_EQ(train.columns[1][0], "State-gov");
  EXPECT_EQ(train.columns[14][32560], ">50K");
  EXPECT_EQ(std::count(train.columns[1].begin(), train.columns[1].end(), ""), 1836);  // "?" in workclass
  EXPECT_TRUE(is_numeric_column(train.columns[0], false));
  EXPECT_FALSE(is_numeric_column(train.columns[1], false));
  const auto test = read("tabular/adult/adult.test", options);
  EXPECT_EQ(test.rows(), 16281);
  EXPECT_EQ(test.lines[0], 2);
  CsvOptions without_comment = options;
  without_comment.comment = "";
  EXPECT_THAT(message_of([&] { read("tabular/adult/adult.test", without_comment); }),
              HasSubstr("adult.test:1: 1 field where"));
}

TEST_F(RealTables, OthersAsTheyAre) {
  const auto parkinsons = read("tabular/parkinsons/parkinsons_updrs.data");
  EXPECT_EQ(parkinsons.rows(), 5875);
  EXPECT_EQ(parkinsons.names.size(), 22u);
  for (size_t i = 0; i < parkinsons.names.size(); ++i)
    EXPECT_TRUE(is_numeric_column(parkinsons.columns[i], false)) << i;
  EXPECT_EQ(read("tabular/student/student-mat.csv").rows(), 395);
  const auto student = read("tabular/student/student-por.csv");
  EXPECT_EQ(student.rows(), 649);
  EXPECT_EQ(student.columns[static_cast<size_t>(student.column_index("school"))][0], "GP");
  EXPECT_TRUE(is_numeric_column(student.columns[static_cast<size_t>(student.column_index("G1"))], false));
  const auto linnerud = read("tabular/linnerud/linnerud_exercise.csv");
  EXPECT_EQ(linnerud.rows(), 20);
  EXPECT_THAT(linnerud.names, ElementsAre("Chins", "Situps", "Jumps"));
  EXPECT_EQ(read("tabular/wine/winequality.csv").rows(), 6497);
  EXPECT_EQ(read("tabular/energy/energy_efficiency.csv").rows(), 768);
  const auto baad = read("baad/allometry.csv");
  EXPECT_EQ(baad.rows(), 13951);
  const auto& height = baad.columns[static_cast<size_t>(baad.column_index("height_m"))];
  EXPECT_TRUE(is_numeric_column(height, false));
  EXPECT_EQ(csv_number(height[0], false, ""), 21.96);
  EXPECT_EQ(read("implants_labels_only/labels.csv").rows(), 121);
}

}  // namespace
}  // namespace polytask
