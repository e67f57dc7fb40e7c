#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/options.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <fstream>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    parse_yaml(text, "c.yaml");
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

TEST(ParseYaml, BuildsTreesWithPlacesAndPaths) {
  const Node root = parse_yaml("name: mnist\ntasks:\n  digit:\n    hidden: [64, 32]\n", "mnist.yaml");
  ASSERT_TRUE(root.is_map());
  EXPECT_EQ(root.where(), "mnist.yaml");
  EXPECT_EQ(root.find("name")->text(), "mnist");
  const Node* hidden = root.find("tasks")->find("digit")->find("hidden");
  ASSERT_EQ(hidden->items().size(), 2u);
  EXPECT_EQ(hidden->where(), "mnist.yaml:4: tasks.digit.hidden");
  EXPECT_EQ(hidden->items()[1].where(), "mnist.yaml:4: tasks.digit.hidden[1]");
  EXPECT_EQ(hidden->items()[1].text(), "32");
  EXPECT_EQ(root.find("tasks")->place.line, 2) << "a value stands where its key stands";
}

TEST(ParseYaml, LeavesTypingToTheOptions) {
  const Node root = parse_yaml("a: yes\nb: 017\nc: '5'\nd: \"true\"\ne: 5\nf: null\ng: ~\nh:\ni: 'null'\n", "c.yaml");
  EXPECT_EQ(root.find("a")->text(), "yes");
  EXPECT_EQ(root.find("b")->text(), "017");
  EXPECT_TRUE(root.find("c")->quoted());
  EXPECT_TRUE(root.find("d")->quoted());
  EXPECT_FALSE(root.find("e")->quoted());
  for (const char* key : {"f", "g", "h"}) EXPECT_TRUE(root.find(key)->is_null()) << key;
  EXPECT_TRUE(root.find("i")->is_scalar());
  EXPECT_THROW(boolean_of(*root.find("a")), InputError);
  EXPECT_THROW(number_of(*root.find("c")), InputError);
}

TEST(ParseYaml, ReadsScalarsOfEveryStyle) {
  const Node root =
      parse_yaml("a: |\n  x\n  y\nb: >-\n  x\n  y\nc: \"t\\tn\\n\\u00e9\"\nd: 'it''s'\ne: a b  c # no\n", "c.yaml");
  EXPECT_EQ(root.find("a")->text(), "x\ny\n");
  EXPECT_EQ(root.find("b")->text(), "x y");
  EXPECT_EQ(root.find("c")->text(), "t\tn\n\xC3\xA9");
  EXPECT_EQ(root.find("d")->text(), "it's");
  EXPECT_EQ(root.find("e")->text(), "a b  c");
}

TEST(ParseYaml, ReadsLongLinesOfList) {
  std::string numbers = "[0";
  for (int i = 1; i < 5000; ++i) numbers += fmt::format(", {}", i);
  numbers += "]";
  for (const std::string& text :
       {"a: " + numbers, "a: {b: " + numbers + "}", "a:\n  - " + numbers, "a:\n  " + numbers}) {
    const Node root = parse_yaml(text, "c.yaml");
    const Node* node = root.find("a");
    if (node->is_map()) node = node->find("b");
    if (node->items().size() == 1) node = &node->items()[0];
    ASSERT_EQ(node->items().size(), 5000u);
    EXPECT_EQ(node->items()[4999].text(), "4999");
  }
  EXPECT_EQ(parse_yaml(numbers, "c.yaml").items().size(), 5000u);
}

TEST(ParseYaml, EmptyTextsAreNull) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "\xEF\xBB\xBF"})
    EXPECT_TRUE(parse_yaml(text, "c.yaml").is_null()) << text;
}

TEST(ParseYaml, ExpandsAliasesAtTheirPlace) {
  const Node root = parse_yaml("a: &h\n  hidden: [1]\nb: *h\nc: &k key\n*k : v\n", "c.yaml");
  const Node* hidden = root.find("b")->find("hidden");
  ASSERT_NE(hidden, nullptr);
  EXPECT_EQ(root.find("b")->place.line, 3);
  EXPECT_EQ(hidden->path, "b.hidden");
  EXPECT_EQ(root.find("key")->text(), "v");
}

TEST(ParseYaml, RefusesDuplicateKeys) {
  EXPECT_EQ(error_of("lr: 1\nx: 2\nlr: 3\n"), "c.yaml:3: key \"lr\" is given twice (first in line 1)");
  EXPECT_THAT(error_of("a: {b: 1, 'b': 2}"), HasSubstr("key \"b\" is given twice"));
  EXPECT_EQ(error_of("a: {x: 1}\nb: {x: 1}\n"), "no error");
}

TEST(ParseYaml, NamesTheLineOfMalformedText) {
  EXPECT_THAT(error_of("a: 1\nb: [1, 2\n"), AllOf(HasSubstr("c.yaml:"), HasSubstr("not valid YAML")));
  EXPECT_THAT(error_of("a: 1\nb: \"x\nc"), HasSubstr("not valid YAML"));
  EXPECT_THAT(error_of("a: 1\n  b: 2\n"), HasSubstr("c.yaml:2: not valid YAML"));
  EXPECT_THAT(error_of("a: *nowhere\n"), HasSubstr("c.yaml:1: not valid YAML: the referenced anchor is not defined"));
}

TEST(ParseYaml, RefusesTagsSecondDocumentsAndOddKeys) {
  EXPECT_THAT(error_of("a: 1\nb: !!int 5\n"), AllOf(HasSubstr("c.yaml:2"), HasSubstr("tag \"tag:yaml.org,2002:int\"")));
  EXPECT_THAT(error_of("a: !mine {b: 1}\n"), HasSubstr("tag \"!mine\" is not supported"));
  EXPECT_TRUE(parse_yaml("a: !!str 5", "c").find("a")->quoted());
  EXPECT_THAT(error_of("a: 1\n---\nb: 2\n"), HasSubstr("another begins here"));
  EXPECT_THAT(error_of("? [1, 2]\n: x\n"), HasSubstr("keys are texts"));
  EXPECT_THAT(error_of("? {a: 1}\n: x\n"), HasSubstr("keys are texts"));
  EXPECT_THAT(error_of("a: &l [1]\n*l : x\n"), HasSubstr("keys are texts"));
  EXPECT_THAT(error_of("~: x\n"), HasSubstr("a key is missing"));
  EXPECT_THAT(error_of("? " + std::string(1001, 'k') + "\n: x\n"), HasSubstr("a key is longer than 1000 bytes"));
}

TEST(ParseYaml, RefusesWhatYamlTextCanNotHold) {
  EXPECT_THAT(error_of(std::string("a: 1\nb: \x04\nc: 2", 13)),
              AllOf(HasSubstr("c.yaml:2"), HasSubstr("byte 0x04 is a control")));
  EXPECT_THAT(error_of(std::string("a\0b", 3)), HasSubstr("byte 0x00"));
  EXPECT_THAT(error_of("a: \x7F"), HasSubstr("byte 0x7f"));
  for (const char* bad :
       {"\xFF\xFE", "\xC0\xAF", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE0\x80\xAF", "a\x80"})
    EXPECT_THAT(error_of(std::string("a: 1\nb: ") + bad), AllOf(HasSubstr("c.yaml:2"), HasSubstr("is not UTF-8 text")))
        << bad;
  EXPECT_EQ(parse_yaml("a: h\xC3\xB6he \xF0\x9F\x8C\xB2", "c").find("a")->text(), "h\xC3\xB6he \xF0\x9F\x8C\xB2");
}

TEST(ParseYaml, BoundsNestingAndExpansion) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(error_of(nested(kMaxYamlDepth)), "no error");
  EXPECT_THAT(error_of(nested(kMaxYamlDepth + 1)), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(error_of(std::string(100000, '[')), HasSubstr("is a bracket not closed?"));
  EXPECT_NE(error_of("a:\n" + nested(100000)), "no error");
  std::string block;
  for (int i = 0; i < 1000; ++i) block += "- ";
  EXPECT_THAT(error_of(block + "x"), HasSubstr("nested deeper"));
  EXPECT_THAT(error_of("a: &x " + nested(40) + "\nb: " + std::string(40, '[') + "*x" + std::string(40, ']')),
              HasSubstr("nested deeper"));
  std::string laughs = "l0: &l0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (int i = 1; i < 10; ++i) {
    laughs += fmt::format("l{0}: &l{0} [", i);
    for (int k = 0; k < 10; ++k) laughs += fmt::format("{}*l{}", k > 0 ? "," : "", i - 1);
    laughs += "]\n";
  }
  EXPECT_THAT(error_of(laughs), HasSubstr("more than 100000 values, aliases included"));
  EXPECT_THAT(error_of("a: &a [*a]\n"), HasSubstr("an alias stands inside the value that it names"));
}

TEST(ReadYamlFile, SaysWhatIsWrongWithTheFile) {
  const TemporaryDirectory directory;
  const auto message = [](const std::filesystem::path& path) -> std::string {
    try {
      read_yaml_file(path);
    } catch (const InputError& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(message(directory.path() / "none.yaml"), HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(message(directory.path()), HasSubstr("is a directory; a YAML file is expected"));
  const auto large = directory.path() / "large.yaml";
  std::ofstream(large) << std::string((16 << 20) + 1, '#');
  EXPECT_THAT(message(large), HasSubstr("larger than 16 MiB"));
  const auto good = directory.path() / "good.yaml";
  std::ofstream(good) << "a: {b: 1}\n";
  EXPECT_EQ(read_yaml_file(good).find("a")->find("b")->where(), good.string() + ":1: a.b");
}

}  // namespace
}  // namespace polytask
