#include <polytask/config/yaml.h>
#include <polytask/core/error.h>
#include <polytask/core/options.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace polytask {
namespace {

// Whether an option would read the scalar as a number or boolean rather than as text alone.
bool is_typed(const Node& scalar) {
  for (const auto& read : {+[](const Node& n) { number_of(n); }, +[](const Node& n) { boolean_of(n); }}) {
    try {
      read(scalar);
      return true;
    } catch (const InputError&) {
    }
  }
  return false;
}

// Equal as far as anyone who reads the trees can tell.
bool same(const Node& a, const Node& b) {
  if (a.kind() != b.kind() || a.items().size() != b.items().size() || a.entries().size() != b.entries().size())
    return false;
  if (a.is_scalar() && (a.text() != b.text() || is_typed(a) != is_typed(b))) return false;
  for (size_t i = 0; i < a.items().size(); ++i)
    if (!same(a.items()[i], b.items()[i])) return false;
  for (size_t i = 0; i < a.entries().size(); ++i)
    if (a.entries()[i].first != b.entries()[i].first || !same(a.entries()[i].second, b.entries()[i].second))
      return false;
  return true;
}

const std::vector<std::string> kAwkward = {"yes",
                                           "No",
                                           "on",
                                           "y",
                                           "017",
                                           "1e3",
                                           "0x1F",
                                           "0o7",
                                           "1_000",
                                           "12:30",
                                           "2024-01-01",
                                           "",
                                           " a",
                                           "a ",
                                           " ",
                                           "a: b",
                                           "a:",
                                           ":a",
                                           "#x",
                                           "a #b",
                                           "a#b",
                                           "-",
                                           "- a",
                                           "-5",
                                           "--- a",
                                           "...",
                                           "... a",
                                           "?",
                                           "? a",
                                           "null",
                                           "~",
                                           "Null",
                                           "true",
                                           "FALSE",
                                           ".inf",
                                           "-.INF",
                                           ".nan",
                                           ".5",
                                           "5.",
                                           ".",
                                           "..",
                                           "./data",
                                           "../data",
                                           "/data/a.csv",
                                           "[a",
                                           "a]",
                                           "{",
                                           "a, b",
                                           "&x",
                                           "*x",
                                           "!x",
                                           "!!str 5",
                                           "|",
                                           ">",
                                           "%YAML",
                                           "@a",
                                           "`a`",
                                           "'",
                                           "''",
                                           "\"",
                                           "it's",
                                           "back\\slash",
                                           "tab\tx",
                                           "line\nbreak",
                                           "\n",
                                           "cr\rlf\r\n",
                                           "a\n\nb\n",
                                           "h\xC3\xB6he",
                                           "\xF0\x9F\x8C\xB2",
                                           "\xC2\x85",
                                           "\xE2\x80\xA8",
                                           "\xEF\xBB\xBF",
                                           "\xC2\xA0",
                                           std::string("nul\0x", 5),
                                           "\x01\x1F\x7F",
                                           "<<",
                                           "=",
                                           "label mod 2",
                                           "class != 0",
                                           "a  b",
                                           "1e999",
                                           "+1",
                                           "-",
                                           "0",
                                           "1.5e-7"};

rc::Gen<std::string> text() {
  using namespace rc;
  const auto ascii = gen::container<std::string>(gen::inRange<char>(0, 127));
  const auto symbols = gen::container<std::string>(gen::elementOf(std::string("ab01 :-#,[]{}&*!|>'\"%@`?\n\t.~+eE<=")));
  const auto wide = gen::map(gen::container<std::vector<std::string>>(gen::elementOf(kAwkward)), [](const auto& parts) {
    std::string joined;
    for (const auto& part : parts) joined += part;
    return joined;
  });
  return gen::oneOf(ascii, symbols, wide, gen::elementOf(kAwkward));
}

rc::Gen<Node> tree(int depth) {
  using namespace rc;
  const auto scalar = gen::apply([](const std::string& s, bool quoted) { return Node::scalar_of(s, quoted); }, text(),
                                 gen::arbitrary<bool>());
  const auto leaf = gen::weightedOneOf<Node>({{8, scalar}, {1, gen::construct<Node>()}});
  if (depth == 0) return leaf;
  const auto list =
      gen::map(gen::resize(4, gen::container<std::vector<Node>>(gen::lazy([=] { return tree(depth - 1); }))),
               [](std::vector<Node> items) { return Node::sequence_of(std::move(items)); });
  const auto entries = gen::container<std::map<std::string, Node>>(text(), gen::lazy([=] { return tree(depth - 1); }));
  const auto map = gen::map(gen::resize(4, entries), [](const std::map<std::string, Node>& values) {
    Node result = Node::map_of();
    for (const auto& [key, value] : values) result.set(key, value);
    return result;
  });
  return gen::oneOf(leaf, list, map);
}

RC_GTEST_PROP(WriteYaml, WhatItWritesReadsBackEqual, ()) {
  const Node written = *tree(4);
  const std::string yaml = write_yaml(written);
  RC_LOG() << yaml;
  RC_ASSERT(same(parse_yaml(yaml, "written"), written));
}

TEST(WriteYaml, AwkwardTextsSurviveAsValuesItemsKeysAndRoots) {
  for (const auto& awkward : kAwkward) {
    for (const bool quoted : {true, false}) {
      const Node scalar = Node::scalar_of(awkward, quoted);
      const Node list = Node::sequence_of({scalar, scalar});
      const Node map = Node::map_of({{awkward, Node::map_of({{awkward, scalar}, {"list", list}})}});
      for (const Node& node : {scalar, list, map, Node::sequence_of({map, list, map})})
        EXPECT_TRUE(same(parse_yaml(write_yaml(node), "w"), node)) << write_yaml(node);
    }
  }
}

TEST(WriteYaml, LongKeysSurvive) {
  const std::string key(900, '\x01');  // 3600 characters once escaped
  const Node node =
      Node::sequence_of({Node::map_of({{key, Node::map_of({{key, Node::scalar_of("v")}})}, {"b", Node()}})});
  EXPECT_TRUE(same(parse_yaml(write_yaml(node), "w"), node));
}

TEST(WriteYaml, HasTheShapeThatPeopleWrite) {
  const std::string text =
      "name: mnist\n"
      "seed: 1\n"
      "data:\n"
      "  root: data/mnist\n"
      "  split: {}\n"
      "tasks:\n"
      "  digit:\n"
      "    target: label mod 2\n"
      "    hidden: [64, 32]\n"
      "    weights: []\n"
      "steps:\n"
      "  - type: crop\n"
      "    size: [2, 3]\n"
      "  - [a, null]\n";
  EXPECT_EQ(write_yaml(parse_yaml(text, "c.yaml")), text);
}

TEST(WriteYaml, QuotesOnlyWhatNeedsIt) {
  const auto written = [](const std::string& s, bool quoted) { return write_yaml(Node::scalar_of(s, quoted)); };
  EXPECT_EQ(written("adamw", true), "adamw\n");
  EXPECT_EQ(written("data/a.csv", true), "data/a.csv\n");
  EXPECT_EQ(written("5", false), "5\n");
  EXPECT_EQ(written("5", true), "\"5\"\n");
  EXPECT_EQ(written("true", false), "true\n");
  EXPECT_EQ(written("true", true), "\"true\"\n");
  EXPECT_EQ(written("yes", true), "\"yes\"\n");
  EXPECT_EQ(written(".inf", false), ".inf\n");
  EXPECT_EQ(written("-.inf", false), "-.inf\n");
  EXPECT_EQ(written("a\nb\t\"\\", true), "\"a\\nb\\t\\\"\\\\\"\n");
  EXPECT_EQ(write_yaml(Node()), "null\n");
}

}  // namespace
}  // namespace polytask
