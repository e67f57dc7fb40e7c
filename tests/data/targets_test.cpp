#include "data/source_fixtures.h"

#include <polytask/data/sources/column_set.h>
#include <polytask/data/targets.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Columns and nothing else.
class ColumnsOnly : public Source {
 public:
  explicit ColumnsOnly(int64_t rows) : rows_(rows) {}
  ColumnsOnly& numbers(const std::string& name, std::vector<double> values) {
    columns_.add(name, {true, std::move(values), {}});
    return *this;
  }
  ColumnsOnly& texts(const std::string& name, std::vector<std::string> values) {
    columns_.add(name, {false, {}, std::move(values)});
    return *this;
  }
  int64_t size() const override { return rows_; }
  std::vector<std::string> column_names() const override { return columns_.names(); }
  Column column(const std::string& name) const override { return columns_.at(name, "fake"); }
  std::string unit(const std::string& name) const override { return name == "width" ? "mm" : ""; }
  std::vector<InputSpec> inputs() const override { return {}; }
  at::Tensor read(int64_t, c10::ArrayRef<int64_t>) const override { return {}; }
  std::vector<Preprocess> fit(const std::vector<int64_t>&) override { return {}; }
  std::string row_name(int64_t row) const override { return "fake.csv:" + std::to_string(row + 2); }

 private:
  int64_t rows_;
  ColumnSet columns_;
};

TargetRequest request(TargetKind kind, std::vector<std::string> expressions) {
  TargetRequest result;
  result.task = "t";
  result.kind = kind;
  result.expressions = std::move(expressions);
  return result;
}

Targets classes_of(const Source& source, const std::string& expression) {
  return encode_targets(source, request(TargetKind::classes, {expression}));
}

TEST(Targets, ColumnOfAnExpression) {
  EXPECT_EQ(column_of("label"), "label");
  EXPECT_EQ(column_of(" label mod 2 "), "label");
  EXPECT_EQ(column_of("native country == Cuba"), "native country");
  EXPECT_EQ(column_of("income == >50K"), "income");
  EXPECT_THAT(input_error([] { column_of("label mod  "); }), HasSubstr("\"label mod 2\""));
  EXPECT_THAT(input_error([] { column_of("  "); }), HasSubstr("expected a column"));
}

TEST(Targets, ClassesOfTextsAreNumbersInOrderThenTexts) {
  ColumnsOnly source(6);
  source.texts("label", {"10", "b", "9", "", "a", "9"});
  const Targets targets = classes_of(source, "label");
  EXPECT_THAT(targets.class_names, ElementsAre("9", "10", "a", "b"));
  EXPECT_THAT(doubles(targets.values), ElementsAre(1, 3, 0, 0, 2, 0));
  EXPECT_THAT(doubles(targets.valid), ElementsAre(1, 1, 1, 0, 1, 1));
  EXPECT_EQ(targets.values.scalar_type(), at::kLong);
}

TEST(Targets, ClassesOfNumbersAreTheirValuesInOrder) {
  ColumnsOnly source(4);
  source.numbers("code", {12.0, 3.0, -1.0, 12.0});
  const Targets targets = classes_of(source, "code");
  EXPECT_THAT(targets.class_names, ElementsAre("-1", "3", "12"));
  EXPECT_THAT(doubles(targets.values), ElementsAre(2, 1, 0, 2));
  EXPECT_FALSE(targets.valid.defined());
}

TEST(Targets, WithAClassCountIntegersAreIndices) {
  ColumnsOnly source(3);
  source.numbers("label", {2, kNaN, 0});
  auto asked = request(TargetKind::classes, {"label"});
  asked.classes = 4;
  const Targets targets = encode_targets(source, asked);
  EXPECT_THAT(targets.class_names, ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(targets.values[0].item<int64_t>(), 2);
  EXPECT_THAT(doubles(targets.valid), ElementsAre(1, 0, 1));

  asked.classes = 2;
  const std::string message = input_error([&] { encode_targets(source, asked); });
  EXPECT_THAT(message, HasSubstr("fake.csv:2: \"label\" is 2, out of range"));
  EXPECT_THAT(message, HasSubstr("0 to 1"));
}

TEST(Targets, NegativeIndexIsOutOfRange) {
  ColumnsOnly source(2);
  source.numbers("label", {0, -1});
  auto asked = request(TargetKind::classes, {"label"});
  asked.classes = 2;
  EXPECT_THAT(input_error([&] { encode_targets(source, asked); }),
              HasSubstr("fake.csv:3: \"label\" is -1, out of range"));
}

TEST(Targets, GivenClassNames) {
  ColumnsOnly source(3);
  source.texts("kind", {"dog", "cat", "dog"}).numbers("code", {1, 0, 1}).numbers("digit", {7, 3, 7});
  auto asked = request(TargetKind::classes, {"kind"});
  asked.class_names = {"dog", "cat", "cow"};
  EXPECT_THAT(doubles(encode_targets(source, asked).values), ElementsAre(0, 1, 0));
  asked.class_names = {"dig", "cat"};
  EXPECT_THAT(input_error([&] { encode_targets(source, asked); }),
              HasSubstr("fake.csv:2: \"kind\" is \"dog\", which is no class of task \"t\"; did you mean \"dig\"?"));
  // Numbers with names that are texts are indices; names that are numbers are labels.
  asked.expressions = {"code"};
  asked.class_names = {"off", "on"};
  EXPECT_THAT(doubles(encode_targets(source, asked).values), ElementsAre(1, 0, 1));
  asked.expressions = {"digit"};
  asked.class_names = {"7", "3"};
  EXPECT_THAT(doubles(encode_targets(source, asked).values), ElementsAre(0, 1, 0));
}

TEST(Targets, ContradictionsAboutClassesAreErrors) {
  ColumnsOnly source(2);
  source.texts("kind", {"dog", "cat"}).numbers("width", {3.5, 1}).numbers("none", {kNaN, kNaN});
  auto asked = request(TargetKind::classes, {"kind"});
  asked.class_names = {"dog", "dog"};
  EXPECT_THAT(input_error([&] { encode_targets(source, asked); }), HasSubstr("stands twice in class_names"));
  asked.class_names = {"dog", "cat"};
  asked.classes = 3;
  EXPECT_THAT(input_error([&] { encode_targets(source, asked); }), HasSubstr("classes is 3, but class_names has 2"));
  asked.class_names = {};
  EXPECT_THAT(input_error([&] { encode_targets(source, asked); }), HasSubstr("has 2 different labels"));
  EXPECT_THAT(input_error([&] { classes_of(source, "width"); }),
              HasSubstr("fake.csv:2: \"width\" is 3.5, which is no class"));
  EXPECT_THAT(input_error([&] { classes_of(source, "none"); }), HasSubstr("no row has a label"));
  EXPECT_THAT(input_error([&] { classes_of(source, "kinds"); }), HasSubstr("did you mean \"kind\"?"));
  EXPECT_THAT(input_error([&] {
                encode_targets(source, request(TargetKind::classes, {"kind", "width"}));
              }),
              HasSubstr("one target, got 2"));
  EXPECT_THAT(input_error([&] { encode_targets(source, request(TargetKind::real, {})); }),
              HasSubstr("no target column"));
}

TEST(Targets, ModAndDiv) {
  ColumnsOnly source(4);
  source.numbers("label", {7, 10, -3, kNaN}).numbers("width", {1.5, 1, 1, 1}).texts("kind", {"a", "b", "c", "d"});
  const Targets parity = classes_of(source, "label mod 2");
  EXPECT_THAT(parity.class_names, ElementsAre("0", "1"));
  EXPECT_THAT(doubles(parity.values), ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(doubles(parity.valid), ElementsAre(1, 1, 1, 0));
  const Targets tens = encode_targets(source, request(TargetKind::real, {"label div 10"}));
  EXPECT_THAT(doubles(tens.values), ElementsAre(0, 1, -1, 0));
  EXPECT_THAT(input_error([&] { classes_of(source, "width mod 2"); }),
              HasSubstr("fake.csv:2: column \"width\" is 1.5"));
  EXPECT_THAT(input_error([&] { classes_of(source, "label mod 0"); }), HasSubstr("positive integer, got 0"));
  EXPECT_THAT(input_error([&] { classes_of(source, "label mod x"); }), HasSubstr("\"x\" must be a number"));
  EXPECT_THAT(input_error([&] { classes_of(source, "kind mod 2"); }), HasSubstr("\"a\", a text, where target"));
}

RC_GTEST_PROP(TargetsProperty, DivAndModComposeToTheValue, ()) {
  const auto value = *rc::gen::inRange<int>(-100000, 100000);
  const auto divisor = *rc::gen::inRange<int>(1, 500);
  ColumnsOnly source(1);
  source.numbers("v", {static_cast<double>(value)});
  const auto number = [&](const std::string& operation) {
    const std::string expression = "v " + operation + " " + std::to_string(divisor);
    return encode_targets(source, request(TargetKind::real, {expression})).values[0][0].item<double>();
  };
  const double quotient = number("div"), rest = number("mod");
  RC_ASSERT(rest >= 0 && rest < divisor);
  RC_ASSERT(quotient * divisor + rest == value);
}

TEST(Targets, Comparisons) {
  ColumnsOnly source(4);
  source.numbers("age", {39, 40, 41, kNaN}).texts("income", {"<=50K", ">50K", "", "<=50K"});
  const auto binary = [&](const std::string& expression) {
    return encode_targets(source, request(TargetKind::binary, {expression}));
  };
  EXPECT_THAT(doubles(binary("age >= 40").values), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(doubles(binary("age > 40").values), ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(doubles(binary("age <= 40").values), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(doubles(binary("age < 40").values), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(doubles(binary("age == 40").values), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(doubles(binary("age != 40").values), ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(doubles(binary("age >= 40").valid), ElementsAre(1, 1, 1, 0));
  EXPECT_THAT(doubles(binary("income == >50K").values), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(doubles(binary("income == '>50K'").values), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(doubles(binary("income != >50K").values), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(doubles(binary("income != >50K").valid), ElementsAre(1, 1, 0, 1));
  EXPECT_THAT(input_error([&] { binary("income == >60K"); }), HasSubstr("did you mean \">50K\"?"));
  EXPECT_THAT(input_error([&] { binary("income > 50"); }), HasSubstr("a text, where target"));
  EXPECT_THAT(input_error([&] { binary("age == old"); }), HasSubstr("\"old\" must be a number"));
}

TEST(Targets, BinaryNeedsZeroOrOne) {
  ColumnsOnly source(2);
  source.numbers("flag", {0, 1}).numbers("count", {0, 2}).texts("kind", {"yes", "no"});
  const Targets targets = encode_targets(source, request(TargetKind::binary, {"flag", "count >= 1"}));
  EXPECT_THAT(targets.values.sizes(), ElementsAre(2, 2));
  EXPECT_THAT(doubles(targets.values), ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(targets.values.scalar_type(), at::kFloat);
  EXPECT_THAT(input_error([&] { encode_targets(source, request(TargetKind::binary, {"count"})); }),
              HasSubstr("fake.csv:3: \"count\" is 2, but task \"t\" needs 0 or 1"));
  EXPECT_THAT(input_error([&] { encode_targets(source, request(TargetKind::binary, {"kind"})); }),
              HasSubstr("\"kind == yes\""));
}

TEST(Targets, RealNumbersWithUnitsAndMask) {
  ColumnsOnly source(3);
  source.numbers("width", {1.5, kNaN, 3}).numbers("height", {4, 5, 6});
  const Targets targets = encode_targets(source, request(TargetKind::real, {"width", "height"}));
  EXPECT_THAT(targets.units, ElementsAre("mm", ""));
  EXPECT_THAT(doubles(targets.values), ElementsAre(1.5, 4, 0, 5, 3, 6));
  EXPECT_THAT(doubles(targets.valid), ElementsAre(1, 1, 0, 1, 1, 1));
  EXPECT_FALSE(encode_targets(source, request(TargetKind::real, {"height"})).valid.defined());
  EXPECT_THAT(encode_targets(source, request(TargetKind::real, {"width >= 2"})).units, ElementsAre(""));
}

TEST(Targets, RealNumbersMustBeFinite) {
  ColumnsOnly source(2);
  source.numbers("inf", {1, -std::numeric_limits<double>::infinity()}).numbers("huge", {1e300, 1});
  source.texts("kind", {"", "tall"});
  const auto error_of = [&](const std::string& column) {
    return input_error([&] { encode_targets(source, request(TargetKind::real, {column})); });
  };
  EXPECT_THAT(error_of("inf"), HasSubstr("fake.csv:3: \"inf\" is -.inf, which is no finite number"));
  EXPECT_THAT(error_of("huge"), HasSubstr("fake.csv:2: \"huge\" is 1e+300"));
  EXPECT_THAT(error_of("kind"), HasSubstr("fake.csv:3: column \"kind\" is \"tall\", a text"));
}

}  // namespace
}  // namespace polytask
