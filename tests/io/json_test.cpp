#include <polytask/core/options.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <io/message_of.h>
#include <rapidcheck/gtest.h>
#include <support/temporary_directory.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

TEST(Json, ReadsEveryKindOfValue) {
  const Node root = parse_json(R"({"n": 1.50, "i": -3, "u": 18446744073709551615, "t": true, "z": null,
    "s": "a\u00e9\n\"", "l": [1, [2]], "m": {"k": {}}, "e": []})",
                               "f.json");
  EXPECT_EQ(root.find("n")->text(), "1.50");
  EXPECT_FALSE(root.find("n")->quoted());
  EXPECT_EQ(integer_of(*root.find("i")), -3);
  EXPECT_EQ(root.find("u")->text(), "18446744073709551615");
  EXPECT_TRUE(boolean_of(*root.find("t")));
  EXPECT_TRUE(root.find("z")->is_null());
  EXPECT_EQ(root.find("s")->text(), "aé\n\"");
  EXPECT_TRUE(root.find("s")->quoted());
  EXPECT_EQ(root.find("l")->items()[1].items()[0].text(), "2");
  EXPECT_TRUE(root.find("m")->find("k")->is_map());
  EXPECT_TRUE(root.find("e")->is_sequence());
  EXPECT_TRUE(parse_json("\xef\xbb\xbf 7 ", "x").is_scalar());
}

TEST(Json, ValuesKnowTheirLineAndPath) {
  const Node root = parse_json("{\n  \"a\": 12\n,\n  \"list\": [\n    {\"x\": \"v\"},\n    3\n  ]\n}\n", "f.json");
  EXPECT_EQ(root.where(), "f.json:1");
  EXPECT_EQ(root.find("a")->where(), "f.json:2: a");
  EXPECT_EQ(root.find("list")->where(), "f.json:4: list");
  EXPECT_EQ(root.find("list")->items()[0].where(), "f.json:5: list[0]");
  EXPECT_EQ(root.find("list")->items()[0].find("x")->where(), "f.json:5: list[0].x");
  EXPECT_EQ(root.find("list")->items()[1].where(), "f.json:6: list[1]");
}

TEST(Json, NamesLineAndColumnOfMistakes) {
  const auto parse = [](const std::string& text) { return message_of([&] { parse_json(text, "f.json"); }); };
  EXPECT_THAT(parse("{\"a\": 1,\n  oops}"), HasSubstr("f.json:2: column 3: no JSON: syntax error"));
  EXPECT_THAT(parse(""), HasSubstr("f.json:1: column 1: no JSON"));
  EXPECT_THAT(parse("[1, 2"), HasSubstr("f.json:1: column 6"));
  EXPECT_THAT(parse("[1] 2"), HasSubstr("f.json:1: column 5"));
  EXPECT_THAT(parse("[NaN]"), HasSubstr("column 2"));
  EXPECT_THAT(parse("\"\xff\""), HasSubstr("ill-formed UTF-8 byte"));
  EXPECT_THAT(parse("[1e999]"), HasSubstr("number overflow"));
  EXPECT_THAT(parse("{\"a\": 1,\n\"b\": 2,\n\"a\": 3}"),
              HasSubstr("f.json:3: a: the key stands there twice; the first is in line 1"));
  EXPECT_THAT(parse(std::string(100'000, '[')), HasSubstr("nested more than 200 deep"));
  const Node deep = parse_json(std::string(200, '[') + std::string(200, ']'), "f.json");
  EXPECT_TRUE(deep.is_sequence());
}

TEST(Json, WritesBareNumbersAndTruthValuesOnly) {
  const auto plain = [](const std::string& text) { return write_json(Node::scalar_of(text)); };
  for (const std::string bare :
       {"0", "-1", "1.5", "1e-07", "-2.5E+10", "true", "false", "null", "18446744073709551615"})
    EXPECT_EQ(plain(bare), bare);
  for (const std::string text :
       {"", "yes", "017", "1_000", "0x10", "nan", "1.2.3", "-", "1e", "null ", ".", "a", "+", "1.e", "-."})
    EXPECT_EQ(plain(text), "\"" + text + "\"");
  EXPECT_EQ(plain("+3"), "3");
  EXPECT_EQ(plain(".5"), "0.5");
  EXPECT_EQ(plain("-.5"), "-0.5");
  EXPECT_EQ(plain("2."), "2");
  EXPECT_EQ(plain("True"), "true");
  EXPECT_EQ(write_json(Node::scalar_of("1.5", true)), "\"1.5\"");
  EXPECT_EQ(write_json(Node::scalar_of("a\"\\\n\x01é", true)), "\"a\\\"\\\\\\n\\u0001é\"");
  EXPECT_EQ(write_json(Node::scalar_of("\xff", true)), "\"\xef\xbf\xbd\"");
}

TEST(Json, NotANumberAndInfinitiesSurvive) {
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL, 1.5, 0.1, 1e300, -0.0}) {
    const std::string text = write_json(Node::map_of({{"v", Node::scalar_of(number_text(value))}}));
    const double back = json_number(*parse_json(text, "x").find("v"));
    EXPECT_TRUE(std::isnan(value) ? std::isnan(back) : back == value) << text;
  }
  EXPECT_EQ(write_json(Node::scalar_of(".nan")), "\"NaN\"");
  EXPECT_EQ(write_json(Node::scalar_of(".inf")), "\"Infinity\"");
  EXPECT_EQ(write_json(Node::scalar_of("-.inf")), "\"-Infinity\"");
  EXPECT_THAT(message_of([] { json_number(*parse_json("{\"a\": \"x\"}", "f.json").find("a")); }),
              HasSubstr("f.json:1: a: expected a number"));
}

TEST(Json, WritesOneLineOrIndented) {
  const Node root = parse_json(R"({"a": [1, {"b": null}], "c": {}, "d": []})", "x");
  EXPECT_EQ(write_json(root), R"({"a":[1,{"b":null}],"c":{},"d":[]})");
  EXPECT_EQ(write_json(root, 2),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}");
}

TEST(Json, ReadsLinesAndFiles) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "m.jsonl";
  write_file_atomically(path, "{\"step\": 1}\n\n  \r\n{\"step\": 2}");
  const auto lines = read_json_lines(path);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].find("step")->text(), "2");
  EXPECT_EQ(lines[1].find("step")->where(), path.string() + ":4: step");
  write_file_atomically(path, "{\"step\": 1}\n{\"step\": \n");
  EXPECT_THAT(message_of([&] { read_json_lines(path); }), HasSubstr(path.string() + ":2: column"));
  write_file_atomically(path, "[1]");
  EXPECT_EQ(read_json_file(path).items().size(), 1u);
  EXPECT_THAT(message_of([&] { read_json_file(directory.path() / "no"); }), HasSubstr("No such file"));
}

RC_GTEST_PROP(JsonProperty, TextsRoundTrip, (const std::vector<std::string>& texts)) {
  Node list = Node::sequence_of({});
  for (std::string text : texts) {
    for (char& c : text) c = static_cast<char>(c & 0x7f);
    list.append(Node::scalar_of(text, true));
  }
  const Node back = parse_json(write_json(list, 1), "x");
  RC_ASSERT(back.items().size() == list.items().size());
  for (size_t i = 0; i < list.items().size(); ++i) RC_ASSERT(back.items()[i].text() == list.items()[i].text());
}

}  // namespace
}  // namespace polytask
