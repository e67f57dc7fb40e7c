#include <polytask/core/error.h>
#include <polytask/core/options.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

struct Inner {
  double rate = 0.5;
  std::string must;
  void fields(Fields& f) {
    f.field("rate", rate, "inner rate", strictly_between(0, 1));
    f.field("must", must, "to be given", required());
  }
};

struct Sample {
  bool flag = true;
  int64_t count = 3;
  double rate = 0.1;
  std::string kind = "relu";
  std::optional<int64_t> limit;
  std::optional<double> scale;
  std::optional<std::string> label;
  std::vector<int64_t> sizes = {1, 2};
  std::vector<double> shares;
  std::vector<std::string> names;
  std::map<std::string, double> rates;
  std::map<std::string, std::string> renamed;
  Node plug;
  Inner inner;
  void fields(Fields& f) {
    f.field("flag", flag, "a switch");
    f.field("count", count, "how many", at_least(1));
    f.field("rate", rate, "how fast", above(0));
    f.field("kind", kind, "which", one_of({"relu", "gelu"}));
    f.field("limit", limit, "at most", between(0, 9));
    f.field("scale", scale, "times");
    f.field("label", label, "called");
    f.field("sizes", sizes, "sizes", at_least(1));
    f.field("shares", shares, "shares", between(0, 1));
    f.field("names", names, "names", one_of({"a", "b"}));
    f.field("rates", rates, "rates", at_least(0));
    f.field("renamed", renamed, "new names");
    f.field("plug", plug, "of a plug-in");
    f.section("inner", inner, "nested");
  }
};

Node at_line(Node node, int line, const std::string& path) {
  node.place = {"c.yaml", line};
  node.path = path;
  return node;
}

Node scalar(const std::string& text, bool quoted = false) { return Node::scalar_of(text, quoted); }

Node list(const std::vector<std::string>& texts) {
  Node result = Node::sequence_of({});
  for (const auto& text : texts) result.append(scalar(text));
  return result;
}

// A map with the one required option and `key: value`, the latter written in line 7.
Node with(const std::string& key, Node value) {
  Node root = Node::map_of({{"inner", Node::map_of({{"must", scalar("x")}})}});
  root.set(key, at_line(std::move(value), 7, key));
  root.place = {"c.yaml", 0};
  return root;
}

std::string error_of(const Node& node, const std::vector<std::string>& also_known = {}) {
  try {
    read_options<Sample>(node, also_known);
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

TEST(ReadOptions, ReadsEveryType) {
  Node node = with("flag", scalar("false"));
  node.set("count", scalar("12"));
  node.set("rate", scalar("1e-3"));
  node.set("kind", scalar("gelu", true));
  node.set("limit", scalar("9"));
  node.set("scale", scalar("-.inf"));
  node.set("label", scalar("5"));
  node.set("sizes", list({"4", "5", "6"}));
  node.set("shares", list({"0", "0.5"}));
  node.set("names", list({"b", "a"}));
  node.set("rates", Node::map_of({{"x", scalar("2")}, {"y", scalar(".5")}}));
  node.set("renamed", Node::map_of({{"old", scalar("new")}}));
  node.set("plug", Node::map_of({{"anything", list({"1"})}}));
  const auto read = read_options<Sample>(node);
  EXPECT_FALSE(read.flag);
  EXPECT_EQ(read.count, 12);
  EXPECT_EQ(read.rate, 1e-3);
  EXPECT_EQ(read.kind, "gelu");
  EXPECT_EQ(read.limit, 9);
  EXPECT_EQ(read.scale, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(read.label, "5");
  EXPECT_THAT(read.sizes, ElementsAre(4, 5, 6));
  EXPECT_THAT(read.shares, ElementsAre(0.0, 0.5));
  EXPECT_THAT(read.names, ElementsAre("b", "a"));
  EXPECT_THAT(read.rates, ElementsAre(Pair("x", 2.0), Pair("y", 0.5)));
  EXPECT_THAT(read.renamed, ElementsAre(Pair("old", "new")));
  EXPECT_EQ(read.plug.find("anything")->items()[0].text(), "1");
  EXPECT_EQ(read.inner.must, "x");
}

TEST(ReadOptions, KeepsDefaultsOfWhatIsAbsent) {
  const auto read = read_options<Sample>(with("plug", Node()));
  EXPECT_TRUE(read.flag);
  EXPECT_EQ(read.count, 3);
  EXPECT_THAT(read.sizes, ElementsAre(1, 2));
  EXPECT_FALSE(read.limit.has_value());
  EXPECT_EQ(read.inner.rate, 0.5);
}

TEST(ReadOptions, NullEmptiesOptionalsListsAndTexts) {
  EXPECT_FALSE(read_options<Sample>(with("limit", Node())).limit.has_value());
  EXPECT_TRUE(read_options<Sample>(with("sizes", Node())).sizes.empty());
  EXPECT_THAT(error_of(with("count", Node())), HasSubstr("c.yaml:7: count: expected a number, got nothing"));
  EXPECT_EQ(read_options<Sample>(with("kind", Node::scalar_of("gelu"))).kind, "gelu");
  EXPECT_THAT(error_of(with("kind", Node())), HasSubstr("kind: \"\" is not allowed: must be one of relu, gelu"));
  struct Text {
    std::string text = "default";
    void fields(Fields& f) { f.field("text", text, "any text"); }
  };
  EXPECT_EQ(read_options<Text>(Node::map_of({{"text", Node()}})).text, "");
}

TEST(ReadOptions, OneScalarIsAListOfOne) {
  EXPECT_THAT(read_options<Sample>(with("sizes", scalar("8"))).sizes, ElementsAre(8));
}

TEST(ReadOptions, NamesPlaceAndKeyOfWrongTypes) {
  EXPECT_EQ(error_of(with("flag", scalar("yes"))), "c.yaml:7: flag: expected true or false, got \"yes\"");
  EXPECT_EQ(error_of(with("flag", scalar("true", true))), "c.yaml:7: flag: expected true or false, got \"true\"");
  EXPECT_EQ(error_of(with("count", scalar("1.5"))), "c.yaml:7: count: expected an integer, got \"1.5\"");
  EXPECT_EQ(error_of(with("count", scalar("9007199254740994"))),
            "c.yaml:7: count: expected an integer, got \"9007199254740994\"");
  EXPECT_EQ(error_of(with("count", scalar(".nan"))), "c.yaml:7: count: expected an integer, got \".nan\"");
  EXPECT_EQ(error_of(with("rate", scalar("5", true))), "c.yaml:7: rate: expected a number, got \"5\"");
  EXPECT_EQ(error_of(with("rate", list({"1"}))), "c.yaml:7: rate: expected a number, got a list");
  EXPECT_EQ(error_of(with("kind", Node::map_of())), "c.yaml:7: kind: expected text, got a map");
  EXPECT_EQ(error_of(with("sizes", Node::map_of())), "c.yaml:7: sizes: expected a list, got a map");
  EXPECT_EQ(error_of(with("rates", scalar("1"))), "c.yaml:7: rates: expected a map");
  EXPECT_EQ(error_of(with("inner", scalar("1"))), "c.yaml:7: inner: expected a map of options, got \"1\"");
  EXPECT_EQ(error_of(with("inner", list({"1"}))), "c.yaml:7: inner: expected a map of options, got a list");
}

TEST(ReadOptions, ChecksRangesAndChoices) {
  EXPECT_EQ(error_of(with("count", scalar("0"))), "c.yaml:7: count: 0 is out of range: must be ≥ 1");
  EXPECT_EQ(error_of(with("rate", scalar("0"))), "c.yaml:7: rate: 0 is out of range: must be > 0");
  EXPECT_EQ(error_of(with("rate", scalar(".nan"))), "c.yaml:7: rate: .nan is out of range: must be > 0");
  EXPECT_EQ(error_of(with("limit", scalar("10"))), "c.yaml:7: limit: 10 is out of range: must be ≥ 0, ≤ 9");
  EXPECT_EQ(error_of(with("limit", scalar("0"))), "no error");
  EXPECT_THAT(error_of(with("shares", list({"0.5", "1.5"}))), HasSubstr("1.5 is out of range: must be ≥ 0, ≤ 1"));
  EXPECT_THAT(error_of(with("rates", Node::map_of({{"x", scalar("-1")}}))), HasSubstr("-1 is out of range"));
  EXPECT_EQ(error_of(with("kind", scalar("rellu"))),
            "c.yaml:7: kind: \"rellu\" is not allowed: must be one of relu, gelu; did you mean \"relu\"?");
  EXPECT_THAT(error_of(with("names", list({"q"}))), HasSubstr("\"q\" is not allowed: must be one of a, b"));
  for (const char* edge : {"0", "1"})
    EXPECT_THAT(error_of(with("inner", Node::map_of({{"rate", scalar(edge)}, {"must", scalar("x")}}))),
                HasSubstr("is out of range: must be > 0, < 1"));
}

TEST(ReadOptions, SuggestsForUnknownKeys) {
  EXPECT_EQ(error_of(with("cuont", scalar("1"))), "c.yaml:7: cuont: unknown key; did you mean \"count\"?");
  EXPECT_THAT(error_of(with("entirely", scalar("1"))),
              AllOf(HasSubstr("unknown key; known: flag, count"), HasSubstr("inner")));
  EXPECT_EQ(error_of(with("type", scalar("x")), {"type"}), "no error");
  Node inner = Node::map_of({{"must", scalar("x")}, {"ratte", at_line(scalar("1"), 9, "inner.ratte")}});
  EXPECT_EQ(error_of(with("inner", inner)), "c.yaml:9: inner.ratte: unknown key; did you mean \"rate\"?");
}

TEST(ReadOptions, RequiredMeansRequiredInAbsentSectionsToo) {
  EXPECT_EQ(error_of(with("inner", Node::map_of())), "c.yaml:7: inner: \"must\" is missing: to be given");
  Node empty = Node::map_of();
  empty.place = {"c.yaml", 3};
  EXPECT_EQ(error_of(empty), "c.yaml:3: inner: \"must\" is missing: to be given");
}

TEST(ReadOptions, NeedsAMap) {
  EXPECT_EQ(error_of(at_line(scalar("x"), 2, "train")), "c.yaml:2: train: expected a map of options, got \"x\"");
}

TEST(WriteOptions, WritesEveryDefaultAndReadsBack) {
  Sample options;
  options.inner.must = "x";
  options.limit = 4;
  options.rates = {{"t", 1e-5}};
  const Node written = write_options(options);
  EXPECT_EQ(written.find("scale"), nullptr) << "an optional without a value is left out";
  EXPECT_EQ(written.find("plug"), nullptr);
  EXPECT_EQ(written.find("rates")->find("t")->text(), "1e-05");
  EXPECT_FALSE(written.find("count")->quoted());
  EXPECT_TRUE(written.find("kind")->quoted());
  EXPECT_EQ(written.find("inner")->find("rate")->text(), "0.5");
  const auto read = read_options<Sample>(written);
  EXPECT_EQ(read.limit, 4);
  EXPECT_EQ(read.rates, options.rates);
  EXPECT_EQ(read.sizes, options.sizes);
}

TEST(DescribeFields, GivesTypeDefaultAndRange) {
  Sample options;
  const auto rows = describe_fields([&](Fields& f) { options.fields(f); });
  const auto row = [&](const std::string& name) {
    for (const auto& r : rows)
      if (r.name == name) return r;
    ADD_FAILURE() << name;
    return FieldDescription{};
  };
  ASSERT_EQ(rows.size(), 15u);
  EXPECT_EQ(row("flag").type, "yes/no");
  EXPECT_EQ(row("flag").default_value, "true");
  EXPECT_EQ(row("count").allowed, "≥ 1");
  EXPECT_EQ(row("kind").allowed, "one of relu, gelu");
  EXPECT_EQ(row("limit").type, "integer");
  EXPECT_EQ(row("limit").default_value, "");
  EXPECT_EQ(row("sizes").type, "list of integers");
  EXPECT_EQ(row("sizes").default_value, "[1, 2]");
  EXPECT_EQ(row("rates").default_value, "{}");
  EXPECT_EQ(row("inner.must").default_value, "required");
  EXPECT_EQ(row("inner.rate").allowed, "> 0, < 1");
  EXPECT_EQ(row("inner.rate").doc, "inner rate");
}

TEST(NumberOf, AcceptsYaml12Numbers) {
  const auto number = [](const std::string& text) { return number_of(scalar(text)); };
  EXPECT_EQ(number("0"), 0);
  EXPECT_EQ(number("-12"), -12);
  EXPECT_EQ(number("+.5e1"), 5);
  EXPECT_EQ(number("1."), 1);
  EXPECT_EQ(number("017"), 17) << "decimal, not octal";
  EXPECT_EQ(number("0o17"), 15);
  EXPECT_EQ(number("0x1F"), 31);
  EXPECT_EQ(number("6.02E+23"), 6.02e23);
  EXPECT_EQ(number("+.Inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(number("-.INF"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(number(".NaN")));
  EXPECT_EQ(number("1e-400"), 0);
  EXPECT_EQ(number("0." + std::string(1000000, '0') + "1"), 0) << "long numbers do not exhaust the stack";
}

TEST(NumberOf, RefusesEverythingElse) {
  for (const char* bad : {"",     ".",  "+",  "-",   "e5",  "1e",    "1e+", "1.5.2", "1_000", "0x",  "0o8", "0xg",
                          "-0x1", "1 ", " 1", "inf", "nan", "+.nan", "1,5", "--1",   "12:30", "0b1", "1f"})
    EXPECT_THROW(number_of(scalar(bad)), InputError) << bad;
  for (const char* large : {"1e400", "-1e999", "0xFFFFFFFFFFFFFFFFFF"}) {
    try {
      number_of(scalar(large));
      ADD_FAILURE() << large;
    } catch (const InputError& e) {
      EXPECT_THAT(e.what(), HasSubstr("larger than any number that can be held"));
    }
  }
}

TEST(NumberText, ReadsBackExactly) {
  for (const double value :
       {0.1, 1.0 / 3.0, 1e300, -5e-324, 3.0, 123456789.125, std::numeric_limits<double>::infinity()})
    EXPECT_EQ(number_of(scalar(number_text(value))), value);
  EXPECT_EQ(number_text(1.0), "1");
  EXPECT_EQ(number_text(-std::numeric_limits<double>::infinity()), "-.inf");
  EXPECT_EQ(number_text(std::nan("")), ".nan");
}

}  // namespace
}  // namespace polytask
