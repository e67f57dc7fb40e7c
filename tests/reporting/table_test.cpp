#include <polytask/reporting/reference.h>
#include <polytask/reporting/table.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

TEST(TextTableTest, AlignsNumbersRightAndTextsLeft) {
  TextTable table({"task", "σ²"});
  table.add({"digit", "0.5"});
  table.add({"länge", "12"});
  EXPECT_EQ(table.text(), "task    σ²\n─────  ───\ndigit  0.5\nlänge   12\n");
}

TEST(TextTableTest, MarkdownEscapesBars) {
  TextTable table({"a"});
  table.add({"x|y"});
  EXPECT_EQ(table.markdown(), "| a |\n| --- |\n| x\\|y |\n");
}

TEST(FigureTest, ShowsFiveDigitsAndNoNaN) {
  EXPECT_EQ(figure_text(0.123456), "0.12346");
  EXPECT_EQ(figure_text(1234567.0), "1234567");
  EXPECT_EQ(figure_text(1e-7), "1.0000e-07");
  EXPECT_EQ(figure_text(std::nan("")), "–");
  EXPECT_EQ(figure_text(0), "0");
}

TEST(ReferenceTest, NamesEveryMemberOnceWithASentence) {
  for (const auto& section : reference()) {
    EXPECT_FALSE(section.members.empty()) << section.title;
    for (const auto& member : section.members) {
      EXPECT_FALSE(member.summary.empty()) << member.name;
      EXPECT_NE(member.summary.back(), '.') << member.name;
      for (const auto& field : member.options()) EXPECT_FALSE(field.doc.empty()) << member.name << "." << field.name;
    }
  }
  EXPECT_THAT(reference_markdown(reference()), HasSubstr("### `uncertainty`"));
}

}  // namespace
}  // namespace polytask
