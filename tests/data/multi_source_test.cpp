#include <polytask/data/data_module.h>
#include <polytask/data/sources/multi.h>
#include <polytask/io/idx.h>

#include <data/source_fixtures.h>
#include <fmt/format.h>
#include <support/temporary_directory.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Two tables that share inputs and one target, and two sets of pictures.
class MultiSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    write("a.csv", "x,colour,grade,size\n1,red,good,1.5\n2,blue,bad,\n3,red,good,3\n");
    write("b.csv", "colour,x,grade,weight\ngreen,10,bad,7\nred,20,,8\n");
    pictures("p", 4, 10);
    pictures("q", 3, 200);
  }
  void write(const std::string& name, const std::string& text) { write_text(directory_.path() / name, text); }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  // n pictures of 2 × 3 pixels of value first, first + 1, …, labelled 0, 1, …
  void pictures(const std::string& name, int64_t n, int64_t first, int64_t width = 3) {
    const at::Tensor values = at::arange(first, first + n, at::kLong).to(at::kByte);
    std::filesystem::create_directories(directory_.path() / name);
    write_idx(path(name + "/train-images-idx3-ubyte"), values.view({n, 1, 1}).expand({n, 2, width}).contiguous());
    write_idx(path(name + "/train-labels-idx1-ubyte"), at::arange(n, at::kLong).to(at::kByte));
  }
  std::string table(const std::string& name, const std::string& more = "") const {
    return fmt::format("{}: {{source: table, path: {}{}}}", name, path(name + ".csv"), more);
  }
  std::string idx(const std::string& name, const std::string& more = "") const {
    return fmt::format("{}: {{source: idx, root: {}{}}}", name, path(name), more);
  }
  static std::string multi(const std::string& children, const std::string& more = "") {
    return fmt::format("{{source: multi, sources: {{{}}}{}}}", children, more);
  }
  std::string tables() const { return multi(table("a") + ", " + table("b")); }
  static Node section(const std::string& yaml) {
    Node node = parse_yaml(yaml, "data.yaml");
    set_paths(node, "data");
    return node;
  }
  static TargetRequest request(const std::string& task, TargetKind kind, const std::string& expression) {
    TargetRequest result;
    result.task = task;
    result.kind = kind;
    result.expressions = {expression};
    return result;
  }

  TemporaryDirectory directory_;
};

TEST_F(MultiSourceTest, RowsAndColumnsOfAllDataSets) {
  const auto source = open_source(tables());
  EXPECT_EQ(source->size(), 5);
  EXPECT_THAT(source->column_names(),
              ElementsAre("x", "colour", "grade", "size", "weight", "a.x", "a.colour", "a.grade", "a.size", "b.colour",
                          "b.x", "b.grade", "b.weight", "data_set"));
  EXPECT_THAT(source->column("grade").texts, ElementsAre("good", "bad", "good", "bad", ""));
  EXPECT_THAT(source->column("b.grade").texts, ElementsAre("", "", "", "bad", ""));
  EXPECT_THAT(source->column("data_set").texts, ElementsAre("a", "a", "a", "b", "b"));
  const Column size = source->column("size");
  EXPECT_EQ(size.numbers[2], 3);
  for (const int64_t row : {1, 3, 4}) EXPECT_TRUE(size.missing(row)) << row;
  EXPECT_EQ(source->column("a.size").label(0), "1.5");
  EXPECT_EQ(source->row_name(3), "b: b.csv:2");
  const auto sets = source->data_sets();
  ASSERT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets[1].name, "b");
  EXPECT_EQ(sets[1].begin, 3);
  EXPECT_EQ(sets[1].size(), 2);
  EXPECT_TRUE(sets[1].split.is_null());
  EXPECT_THAT(source->fingerprints().at(1).first, AllOf(HasSubstr("b: "), HasSubstr("b.csv")));
  EXPECT_EQ(source->fingerprints().size(), 2U);
  EXPECT_THAT(input_error([&] { source->column("wieght"); }), HasSubstr("did you mean \"weight\""));
  EXPECT_THAT(input_error([&] { source->column("a.weight"); }), HasSubstr("no column \"a.weight\""));
  EXPECT_THAT(input_error([&] { source->row_name(5); }), HasSubstr("row 5 does not exist: there are 5"));
}

TEST_F(MultiSourceTest, PartsAndUnitsAreTheDataSetsOwn) {
  write("t.csv", "x,colour,grade,size\n5,red,good,2\n");
  const auto source = open_source(multi(table("a", ", units: {size: mm}, test_path: " + path("t.csv")) + ", " +
                                        table("b", ", units: {weight: kg}")));
  EXPECT_EQ(source->part(0), Part::train);
  EXPECT_EQ(source->part(3), Part::test);
  EXPECT_EQ(source->part(4), Part::unspecified);
  EXPECT_EQ(source->unit("size"), "mm");
  EXPECT_EQ(source->unit("b.weight"), "kg");
  EXPECT_EQ(source->unit("grade"), "");
}

TEST_F(MultiSourceTest, AmbiguousColumnsMustBeNamedInFull) {
  write("b.csv", "colour,x,grade,size\ngreen,10,3,7\nred,20,4,8\n");
  const auto source = open_source(multi(table("a", ", units: {size: mm}") + ", " + table("b", ", units: {size: cm}")));
  EXPECT_THAT(input_error([&] { source->column("grade"); }),
              AllOf(HasSubstr("texts in data set \"a\", numbers in \"b\""), HasSubstr("a.grade, b.grade")));
  EXPECT_THAT(input_error([&] { source->column("size"); }), HasSubstr("numbers in mm"));
  EXPECT_THAT(source->column("b.grade").numbers[4], 4);
  // a column without any value is of no kind
  write("c.csv", "colour,x,grade\nred,1,\nred,2,\n");
  EXPECT_THAT(open_source(multi(table("a") + ", " + table("c")))->column("grade").texts,
              ElementsAre("good", "bad", "good", "", ""));
  write("d.csv", "x,b.x\n1,2\n");
  EXPECT_THAT(open_error(multi(table("d") + ", " + table("b"))), HasSubstr("column \"b.x\" could be of two data sets"));
}

TEST_F(MultiSourceTest, TablesAreFittedJointly) {
  const auto source = open_source(tables());
  source->exclude_from_inputs({"grade", "a.size", "weight"});
  const std::vector<int64_t> train = {0, 2, 3};  // x 1, 3, 10; red, red, green: blue is never seen
  const auto fitted = source->fit(train);
  ASSERT_EQ(fitted.size(), 1U);
  const InputSpec& spec = fitted[0].spec();
  ASSERT_EQ(spec.columns.size(), 2U);
  EXPECT_THAT(spec.columns[1].categories, ElementsAre("green", "red"));
  EXPECT_NEAR(fitted[0].state().at("mean")[0].item<double>(), 14.0 / 3, 1e-12);
  const at::Tensor values = fitted[0].apply(source->read(0, {3, 1, 4, 0}));  // x, green, red
  const double deviation = std::sqrt((1 + 9 + 100) / 3.0 - 14.0 * 14 / 9);
  EXPECT_NEAR(values[0][0].item<double>(), (10 - 14.0 / 3) / deviation, 1e-6);
  EXPECT_THAT(doubles(values.narrow(1, 1, 2)), ElementsAre(1, 0, 0, 0, 0, 1, 0, 1));
}

// What one table with all the rows would give.
TEST_F(MultiSourceTest, TheSameAsOneTable) {
  write("both.csv", "x,colour\n1,red\n2,blue\n3,red\n10,green\n20,red\n");
  const auto whole = open_source("{source: table, path: " + path("both.csv") + "}");
  const auto source = open_source(tables());
  source->exclude_from_inputs({"grade", "size", "weight"});
  const auto rows = first_rows(5);
  const at::Tensor expected = whole->fit(rows)[0].apply(whole->read(0, rows));
  EXPECT_TRUE(at::equal(source->fit(rows)[0].apply(source->read(0, rows)), expected));
}

TEST_F(MultiSourceTest, InputsOfOneNameMustBeAlike) {
  const auto source = open_source(tables());  // a has `size`, b `weight`
  EXPECT_THAT(input_error([&] { source->inputs(); }),
              AllOf(HasSubstr("data set \"b\" has a column \"weight\" and \"a\" has none"), HasSubstr("exclude")));
  source->exclude_from_inputs({"weight"});
  EXPECT_THAT(input_error([&] { source->read(0, {0}); }), HasSubstr("data set \"a\" has a column \"size\""));
  pictures("wide", 2, 0, 4);
  EXPECT_THAT(input_error([&] { open_source(multi(idx("p") + ", " + idx("wide")))->inputs(); }),
              HasSubstr("a sample is 1 × 2 × 3 in data set \"p\" and 1 × 2 × 4 in \"wide\""));
  write("n.csv", "x,colour,grade,size\n1,4,good,1\n");
  EXPECT_THAT(input_error([&] { open_source(multi(table("a") + ", " + table("n")))->inputs(); }),
              HasSubstr("column \"colour\" holds categories in data set \"a\" and numbers in \"n\""));
}

TEST_F(MultiSourceTest, PicturesAreReadInTheOrderAskedFor) {
  const auto source = open_source(multi(idx("p") + ", " + idx("q")));
  const at::Tensor batch = source->read(0, {5, 0, 4, 3, 5});
  EXPECT_EQ(batch.scalar_type(), at::kByte);
  EXPECT_EQ(batch.sizes(), (std::vector<int64_t>{5, 1, 2, 3}));
  EXPECT_THAT(doubles(batch.select(3, 2).select(2, 1)), ElementsAre(201, 10, 200, 13, 201));
  EXPECT_THAT(doubles(source->read(0, {6, 4}).select(3, 0).select(2, 0)), ElementsAre(202, 200));
  EXPECT_FALSE(source->given(0, {0, 5}).defined());
}

TEST_F(MultiSourceTest, PicturesAreScaledJointlyOrAlike) {
  const auto source = open_source(multi(idx("p") + ", " + idx("q")));
  const auto fitted = source->fit({0, 2, 5});
  EXPECT_NEAR(fitted[0].state().at("mean")[0].item<double>(), (10 + 12 + 201) / 3.0 / 255, 1e-12);
  EXPECT_TRUE(source->scales_by_rows(0));
  const std::string fixed = ", mean: [0.5], std: [0.25]";
  const auto alike = open_source(multi(idx("p", fixed) + ", " + idx("q", fixed)));
  EXPECT_EQ(alike->fit({0, 5})[0].state().at("std")[0].item<double>(), 0.25);
  EXPECT_FALSE(alike->scales_by_rows(0));
  const auto fails = [&](const std::string& one, const std::string& other) {
    return input_error([&] { open_source(multi(idx("p", one) + ", " + idx("q", other)))->fit({0, 5}); });
  };
  EXPECT_THAT(fails(fixed, ""), HasSubstr("data sets \"p\" and \"q\" are scaled differently"));
  EXPECT_THAT(fails(fixed, ", normalize: none"), HasSubstr("are scaled differently"));
}

TEST_F(MultiSourceTest, ARowWithoutAnInputHasZerosThere) {
  const Node data = section(multi(idx("p") + ", " + table("a"), ", split: {warn_leaks: false}"));
  const auto module = open_data(data,
                                {request("digit", TargetKind::classes, "label"),
                                 request("size", TargetKind::real, "size"), request("g", TargetKind::classes, "grade")},
                                1);
  const Batch batch = module.dataset->batch({5, 1, 4});  // a, p, a
  ASSERT_EQ(batch.inputs.size(), 2U);
  const at::Tensor image = batch.inputs.at("image"), features = batch.inputs.at("features");
  EXPECT_EQ(image[0].abs().sum().item<float>() + image[2].abs().sum().item<float>(), 0);
  EXPECT_NE(image[1].abs().sum().item<float>(), 0);
  EXPECT_EQ(features[1].abs().sum().item<float>(), 0);
  EXPECT_EQ(features[0].narrow(0, 1, 2).sum().item<float>(), 1);  // its colour
  EXPECT_TRUE(at::equal(batch.valid.at("digit"), flags({false, true, false})));
  EXPECT_TRUE(at::equal(batch.valid.at("size").view({-1}), flags({false, false, true})));
  EXPECT_TRUE(at::equal(batch.valid.at("g"), flags({true, false, true})));
  // the pictures are scaled by pictures alone: 10, 11, 12, 13
  EXPECT_NEAR(module.dataset->preprocess()[0].state().at("mean")[0].item<double>(), 11.5 / 255, 1e-12);
}

TEST_F(MultiSourceTest, OneSourceOfSeveralKeepsItsDataSets) {
  const auto source =
      open_source(multi("drive: {source: driving, prediction: 6, decision: 2, split: {test: 0.5}}, " + idx("p")));
  const auto sets = source->data_sets();
  ASSERT_EQ(sets.size(), 3U);
  EXPECT_EQ(sets[1].name, "drive.decision");
  EXPECT_EQ(sets[1].split.text_or("test", ""), "0.5");
  EXPECT_TRUE(sets[2].split.is_null());
  EXPECT_EQ(source->column("data_set").label(6), "drive.decision");
  EXPECT_EQ(source->column("drive.data_set").label(6), "decision");
  EXPECT_THAT(input_error([&] { source->inputs(); }), HasSubstr("\"image\""));  // 3 × 24 × 24 and 1 × 2 × 3
  const auto alone = open_source(multi("drive: {source: driving, prediction: 6, decision: 2}, " + table("a")));
  alone->exclude_from_inputs({});
  ASSERT_EQ(alone->inputs().size(), 3U);
  EXPECT_TRUE(at::equal(alone->given(1, {0, 6, 8}), flags({false, true, false})));
  EXPECT_TRUE(at::equal(alone->given(2, {0, 6, 8}), flags({false, false, true})));
}

TEST_F(MultiSourceTest, TilesOfAScenesDataSetAreNotDividedAtRandom) {
  const auto source = open_source(multi("woods: {source: forest, count: 16, size: 16}"));
  SplitOptions options;
  options.validation = 0.25;
  EXPECT_THAT(input_error([&] { make_split(*source, options, 1); }),
              AllOf(HasSubstr("data set \"woods\""), HasSubstr("the 4 samples of scene \"0\"")));
  options.group = "scene";
  EXPECT_EQ(make_split(*source, options, 1).validation.size(), 4U);
}

TEST_F(MultiSourceTest, TrainedModelsReadTheirInputsAgain) {
  const Node data = section(multi(table("a") + ", " + table("b"), ", split: {validation: 0.4, warn_leaks: false}"));
  const std::vector<TargetRequest> tasks = {request("grade", TargetKind::classes, "grade"),
                                            request("size", TargetKind::real, "size"),
                                            request("weight", TargetKind::real, "weight")};
  const auto first = open_data(data, tasks, 1);
  const auto again = open_data(data, tasks, 1, first.dataset->preprocess());
  const auto rows = first_rows(5);
  EXPECT_TRUE(
      at::equal(first.dataset->batch(rows).inputs.at("features"), again.dataset->batch(rows).inputs.at("features")));

  write("new.csv", "x,colour\n1,green\n20,red\n");
  const auto opened =
      open_for_prediction(data, {"b=" + path("new.csv"), "a=" + path("a.csv")}, first.dataset->preprocess());
  EXPECT_EQ(opened->source().size(), 5);
  EXPECT_EQ(opened->source().row_name(3), "b: new.csv:2");
  EXPECT_TRUE(
      at::equal(opened->batch({0, 1, 4}).inputs.at("features"), first.dataset->batch({0, 1, 4}).inputs.at("features")));
  const auto predicting = [&](const std::string& file) {
    return input_error([&] { open_for_prediction(data, {file}, first.dataset->preprocess()); });
  };
  EXPECT_THAT(predicting(path("new.csv")), AllOf(HasSubstr("which data set is it of? Write a="), HasSubstr("a, b")));
}

TEST_F(MultiSourceTest, PredictionOfOneDataSetHasZerosForTheInputsOfOthers) {
  const Node data = section(multi(idx("p") + ", " + table("a")));
  const auto first = open_data(data, {request("g", TargetKind::classes, "grade")}, 1);
  const auto opened =
      open_for_prediction(data, {"p=" + path("q/train-images-idx3-ubyte")}, first.dataset->preprocess());
  const Batch batch = opened->batch({0, 2});
  EXPECT_EQ(batch.inputs.at("features").abs().sum().item<float>(), 0);
  EXPECT_EQ(batch.inputs.at("image").sizes(), (std::vector<int64_t>{2, 1, 2, 3}));
}

TEST_F(MultiSourceTest, ResolvingWritesTheDefaultsOfEveryDataSet) {
  const Node once = resolve_data_section(
      section(multi("p: {source: idx, root: here, split: {validation: 0.1}}, drive: {source: driving, decision: 7}",
                    ", batch_size: 8")));
  const std::string text = write_yaml(once);
  EXPECT_EQ(text, write_yaml(resolve_data_section(section(text))));
  const Node& children = *once.find("sources");
  EXPECT_EQ(children.find("p")->find("normalize")->text(), "auto");
  EXPECT_EQ(children.find("p")->find("split")->find("validation")->text(), "0.1");
  EXPECT_EQ(children.find("p")->find("split")->find("warn_leaks")->text(), "true");
  EXPECT_EQ(children.find("drive")->find("prediction")->text(), "8000");
  EXPECT_EQ(children.find("drive")->find("split"), nullptr);
  EXPECT_EQ(once.find("batch_size")->text(), "8");
}

TEST_F(MultiSourceTest, MistakesInTheSectionHaveAPlace) {
  const auto failing = [](const std::string& children) {
    return input_error([&] { resolve_data_section(section(multi(children))); });
  };
  EXPECT_THAT(failing("p: {source: idx, roto: here}"),
              AllOf(HasSubstr("data.yaml:1: data.sources.p.roto: unknown key"), HasSubstr("did you mean \"root\"")));
  EXPECT_THAT(failing("p: {source: idx, batch_size: 3}"), HasSubstr("data.sources.p.batch_size: unknown key"));
  EXPECT_THAT(failing("p: {source: idy}"), HasSubstr("did you mean \"idx\""));
  EXPECT_THAT(failing("p: {root: here}"), HasSubstr("data.sources.p: no data source given"));
  EXPECT_THAT(failing("p: {source: idx, split: {validaton: 0.1}}"), HasSubstr("data.sources.p.split.validaton"));
  EXPECT_THAT(failing("p: idx"), HasSubstr("data.sources.p: expected a source with its options"));
  EXPECT_THAT(failing("p.q: {source: idx}"), HasSubstr("\"p.q\" is no name of a data set"));
  EXPECT_THAT(failing(""), HasSubstr("expected data sets by name"));
  EXPECT_THAT(input_error([] { resolve_data_section(section("{source: multi}")); }),
              HasSubstr("\"sources\" is missing"));
  EXPECT_THAT(open_error(multi("p: {source: idx, root: /nowhere}")), HasSubstr("data set \"p\": data.root"));
}

}  // namespace
}  // namespace polytask
