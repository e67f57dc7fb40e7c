#include "data/source_fixtures.h"
#include "support/shared_data.h"
#include "support/temporary_directory.h"

#include <polytask/data/targets.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>

namespace polytask {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> input_names(const Source& source) {
  std::vector<std::string> names;
  const InputSpec spec = source.inputs()[0];
  for (const auto& column : spec.columns) names.push_back(column.name);
  return names;
}

class TableSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    file("all.csv",
         "age,colour,size,grade\n"
         "10,red,1,a\n"
         "20, blue ,2,b\n"
         "?,red,3,\n"
         "40,,1,a\n");
  }
  std::string file(const std::string& name, const std::string& text) {
    write_text(directory_.path() / name, text);
    return (directory_.path() / name).string();
  }
  std::string section(const std::string& more = "") const {
    return fmt::format("{{source: table, path: {}{}}}", (directory_.path() / "all.csv").string(), more);
  }

  TemporaryDirectory directory_;
};

TEST_F(TableSourceTest, TypesColumnsAndReadsRows) {
  const auto source = open_source(section());
  EXPECT_EQ(source->size(), 4);
  EXPECT_THAT(source->column_names(), ElementsAre("age", "colour", "size", "grade"));
  EXPECT_EQ(source->part(0), Part::unspecified);
  EXPECT_EQ(source->row_name(2), "all.csv:4");
  EXPECT_TRUE(source->column("age").numeric);
  EXPECT_TRUE(source->column("age").missing(2));
  EXPECT_THAT(source->column("colour").texts, ElementsAre("red", "blue", "red", ""));
  EXPECT_THAT(input_error([&] { source->column("color"); }), HasSubstr("did you mean \"colour\"?"));

  source->exclude_from_inputs({"grade"});
  const InputSpec spec = source->inputs()[0];
  EXPECT_EQ(spec.name, "features");
  EXPECT_THAT(spec.shape, ElementsAre(3));
  EXPECT_THAT(input_names(*source), ElementsAre("age", "colour", "size"));
  EXPECT_THAT(spec.columns[1].categories, ElementsAre("blue", "red"));
  const at::Tensor rows = source->read(0, {3, 1});
  EXPECT_EQ(rows.scalar_type(), at::kDouble);
  EXPECT_THAT(doubles(rows), ElementsAre(40, -1, 1, 20, 0, 2));
  EXPECT_THAT(input_error([&] { source->read(0, {4}); }), HasSubstr("row 4 does not exist"));
  EXPECT_EQ(source->fingerprints().size(), 1U);
}

TEST_F(TableSourceTest, FitsCategoriesAndNumbersOnTrainingRowsOnly) {
  const auto source = open_source(section());
  source->exclude_from_inputs({"grade", "size"});
  const auto preprocess = source->fit({0, 2})[0];
  EXPECT_THAT(source->inputs()[0].columns[1].categories, ElementsAre("red"));
  // Row 1 is blue, which no training row is.
  EXPECT_THAT(doubles(source->read(0, {0, 1})), ElementsAre(10, 0, 20, -1));
  // age (mean 10, constant), its indicator, red
  EXPECT_THAT(doubles(preprocess.apply(source->read(0, {0, 1, 2}))), ElementsAre(0, 0, 1, 10, 0, 0, 0, 1, 1));
}

TEST_F(TableSourceTest, ChoosesInputs) {
  const auto chosen = open_source(section(", inputs: [size, age], exclude: [age]"));
  EXPECT_THAT(input_names(*chosen), ElementsAre("size"));
  EXPECT_THAT(open_error(section(", inputs: [sizes]")),
              HasSubstr("data.inputs: there is no column \"sizes\"; did you mean"));
  EXPECT_THAT(open_error(section(", exclude: [ages]")), HasSubstr("data.exclude"));
  EXPECT_THAT(open_error(section(", categorical: [nothing]")), HasSubstr("data.categorical"));
  EXPECT_THAT(open_error(section(", units: {siz: mm}")), HasSubstr("data.units"));
  EXPECT_THAT(input_error([&] { open_source(section(", inputs: [grade]"))->exclude_from_inputs({"grade"}); }),
              HasSubstr("data.inputs: column \"grade\" is used by a task"));
  EXPECT_THAT(input_error([&] {
                open_source(section())->exclude_from_inputs({"age", "colour", "size", "grade"});
              }),
              HasSubstr("no column is left"));
}

TEST_F(TableSourceTest, NumbersThatAreCategories) {
  const auto source = open_source(section(", categorical: [size], inputs: [size]"));
  const auto preprocess = source->fit({0, 1, 2, 3})[0];
  EXPECT_THAT(source->inputs()[0].columns[0].categories, ElementsAre("1", "2", "3"));
  EXPECT_THAT(doubles(preprocess.apply(source->read(0, {1}))), ElementsAre(0, 1, 0));
  EXPECT_TRUE(source->column("size").numeric);
}

TEST_F(TableSourceTest, UnitsAndUnscaledNumbers) {
  const auto source = open_source(section(", units: {age: years}, inputs: [age], standardise: false"));
  EXPECT_EQ(source->unit("age"), "years");
  EXPECT_EQ(source->unit("size"), "");
  EXPECT_THAT(doubles(source->fit({0, 1})[0].apply(source->read(0, {0, 3}))), ElementsAre(10, 40));
}

TEST_F(TableSourceTest, TooManyTextsAreNoCategories) {
  const auto source = open_source(section(", max_categories: 1"));
  EXPECT_THAT(input_error([&] {
                source->fit({0, 1, 2, 3});
              }),
              AllOf(HasSubstr("column \"colour\" has 2 different texts"), HasSubstr("data.exclude")));
  EXPECT_EQ(open_source(section(", max_categories: 1, categorical: [colour, grade]"))->fit({0, 1, 2, 3}).size(), 1U);
}

TEST_F(TableSourceTest, PartsOfSeveralFilesWithColumnsInAnyOrder) {
  const auto test = file("test.csv", "grade,size,colour,age\nc,9,green,99\n");
  const auto validation = file("validation.csv", "grade,size,colour,age\nb,8,red,88\n");
  const auto source = open_source(section(", test_path: " + test + ", validation_path: " + validation));
  EXPECT_EQ(source->size(), 6);
  EXPECT_EQ(source->part(3), Part::train);
  EXPECT_EQ(source->part(4), Part::validation);
  EXPECT_EQ(source->part(5), Part::test);
  EXPECT_EQ(source->row_name(5), "test.csv:2");
  EXPECT_THAT(source->column("age").numbers.back(), 99);
}

TEST_F(TableSourceTest, FilesMustHaveTheSameColumns) {
  const auto fewer = file("fewer.csv", "age,colour,size\n1,red,2\n");
  EXPECT_THAT(open_error(section(", test_path: " + fewer)),
              AllOf(HasSubstr("fewer.csv"), HasSubstr("no column \"grade\"")));
  const auto more = file("more.csv", "age,colour,size,grade,extra\n1,red,2,a,3\n");
  EXPECT_THAT(open_error(section(", test_path: " + more)), HasSubstr("no column \"extra\""));
}

TEST_F(TableSourceTest, ReplacesCells) {
  const auto path = file("r.csv", "income,code\n<=50K.,-9\n<=50K,4\n>50K,5\n");
  const auto source =
      open_source(fmt::format("{{source: table, path: {}, replace: {{\"<=50K.\": \"<=50K\", \"-9\": \"\"}}}}", path));
  EXPECT_THAT(source->column("income").texts, ElementsAre("<=50K", "<=50K", ">50K"));
  EXPECT_TRUE(source->column("code").missing(0));
}

TEST_F(TableSourceTest, ANumberThatIsNoneNamesItsLine) {
  for (const std::string text : {"nan", "NaN", "inf", "-Infinity"}) {
    const auto path = file("n.csv", "x,y\n1,2\n3," + text + "\n");
    const auto source = open_source(fmt::format("{{source: table, path: {}}}", path));
    const auto expected =
        AllOf(HasSubstr("n.csv:3: column \"y\": " + text + " is not a finite number"), HasSubstr("data.missing"));
    EXPECT_THAT(input_error([&] { encode_targets(*source, {"t", TargetKind::real, {"y"}, {}, 0}); }), expected);
    EXPECT_THAT(input_error([&] { source->read(0, {0, 1}); }), expected);
    EXPECT_THAT(input_error([&] { source->fit({0, 1}); }), expected);
    source->exclude_from_inputs({"y"});
    EXPECT_THAT(doubles(source->read(0, {1})), ElementsAre(3));
    EXPECT_TRUE(open_source(fmt::format("{{source: table, path: {}, missing: [\"\", \"{}\"]}}", path, text))
                    ->column("y")
                    .missing(1));
  }
}

TEST_F(TableSourceTest, ANanAmongTextsIsNoLabel) {
  const auto path = file("n.csv", "genus,y\nAcer,1\nNaN,2\nPinus,3\n");
  const auto open = [&](const std::string& more) { return open_source("{source: table, path: " + path + more + "}"); };
  EXPECT_THAT(input_error([&] { open("")->column("genus"); }),
              AllOf(HasSubstr("n.csv:3: column \"genus\": NaN is no label"), HasSubstr("data.replace")));
  EXPECT_TRUE(open(", missing: [NaN]")->column("genus").missing(1));
  EXPECT_EQ(open(", replace: {NaN: none}")->column("genus").texts[1], "none");
  EXPECT_THAT(open("")->inputs()[0].columns[0].categories, ElementsAre("Acer", "NaN", "Pinus"));
}

TEST_F(TableSourceTest, CsvOptionsStandInTheSection) {
  const auto path = file("semi.txt", "% a comment\n1,5;x\n2,5;y\n");
  const auto source = open_source(fmt::format(
      "{{source: table, path: {}, delimiter: \";\", columns: [v, k], comment: \"%\", decimal_comma: true}}", path));
  EXPECT_THAT(source->column("v").numbers, ElementsAre(1.5, 2.5));
  EXPECT_EQ(source->row_name(0), "semi.txt:2");
  EXPECT_THAT(open_error("{source: table}"), HasSubstr("\"path\" is missing"));
}

TEST_F(TableSourceTest, OpensFilesForPrediction) {
  const auto training = open_source(section(", categorical: [size]"));
  training->exclude_from_inputs({"grade"});
  const auto preprocess = training->fit(first_rows(4))[0];

  OpenRequest request;
  request.specs = {preprocess.spec()};
  request.paths = {file("new.csv", "note,size,colour,age\nhello,2,green,50\nhi,7,red,\n"),
                   file("more.csv", "age,colour,size\n60,blue,3\n")};
  const auto source = open_source(section(", categorical: [size]"), request);
  EXPECT_EQ(source->size(), 3);
  EXPECT_EQ(source->row_name(2), "more.csv:2");
  const auto rows = doubles(source->read(0, {0, 1, 2}));
  EXPECT_THAT((std::vector<double>{rows[0], rows[1], rows[2]}), ElementsAre(50, -1, 1));
  EXPECT_TRUE(std::isnan(rows[3]));
  EXPECT_THAT((std::vector<double>{rows[4], rows[5]}), ElementsAre(1, -1));
  EXPECT_THAT((std::vector<double>{rows[6], rows[7], rows[8]}), ElementsAre(60, 0, 2));
  EXPECT_THAT(preprocess.apply(source->read(0, {0, 1, 2})).sizes(), ElementsAre(3, 7));

  request.paths = {file("bad.csv", "size,colour\n2,green\n")};
  EXPECT_THAT(open_error(section(), request), AllOf(HasSubstr("bad.csv"), HasSubstr("no column \"age\"")));
  request.paths = {file("text.csv", "size,colour,age\n2,red,4\n2,red,old\n")};
  EXPECT_THAT(open_error(section(), request),
              HasSubstr("text.csv:3: column \"age\" is \"old\", but the model was trained"));
}

TEST_F(TableSourceTest, ConfiguredFilesWithAModelsSpecs) {
  const auto training = open_source(section());
  training->exclude_from_inputs({"grade", "size"});
  OpenRequest request;
  request.specs = {training->fit({0, 2})[0].spec()};
  const auto source = open_source(section(", exclude: [age]"), request);
  source->exclude_from_inputs({"grade"});
  EXPECT_THAT(input_names(*source), ElementsAre("age", "colour"));
  EXPECT_THAT(doubles(source->read(0, {1})), ElementsAre(20, -1));
  EXPECT_THAT(source->column("grade").texts, ElementsAre("a", "b", "", "a"));
}

TEST(TableSourceRealData, Adult) {
  const auto folder = shared_path("data/tabular/adult");
  if (!fs::exists(folder)) GTEST_SKIP() << "needs the Adult files of $POLYTASK_SHARED/data/tabular/adult";
  std::ifstream header(folder / "header.csv");
  std::string names;
  std::getline(header, names);
  const auto source =
      open_source(fmt::format("{{source: table, path: {}, test_path: {}, columns: [{}], comment: \"|\"}}",
                              (folder / "adult.data").string(), (folder / "adult.test").string(), names));
  EXPECT_EQ(source->size(), 32561 + 16281);
  EXPECT_EQ(source->part(32560), Part::train);
  EXPECT_EQ(source->part(32561), Part::test);
  EXPECT_EQ(source->row_name(32561), "adult.test:2");

  const Targets rich = encode_targets(*source, {"income", TargetKind::binary, {"income == >50K"}, {}, 0});
  EXPECT_EQ(rich.values.slice(0, 0, 32561).sum().item<int64_t>(), 7841);
  EXPECT_EQ(rich.values.slice(0, 32561).sum().item<int64_t>(), 3846);
  EXPECT_FALSE(rich.valid.defined());

  source->exclude_from_inputs({"income", "marital_status", "hours_per_week"});
  const auto preprocess = source->fit(first_rows(32561))[0];
  EXPECT_EQ(source->inputs()[0].columns[1].categories.size(), 8U);  // workclass, without ?
  EXPECT_NEAR(preprocess.state().at("mean")[0].item<double>(), 38.5816, 1e-4);
  EXPECT_NEAR(preprocess.state().at("std")[0].item<double>(), 13.6402, 1e-4);
  EXPECT_TRUE(preprocess.apply(source->read(0, first_rows(source->size()))).isfinite().all().item<bool>());
}

}  // namespace
}  // namespace polytask
