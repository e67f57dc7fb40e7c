#include <polytask/config/yaml.h>
#include <polytask/core/random.h>
#include <polytask/data/data_module.h>
#include <polytask/data/leaks.h>
#include <polytask/data/split_sets.h>

#include <data/memory_source.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <support/temporary_directory.h>

#include <cmath>
#include <fstream>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Rows = std::vector<int64_t>;

// Rows in memory with data sets.
class SetsInMemory : public MemorySource {
 public:
  explicit SetsInMemory(const std::vector<std::pair<std::string, int64_t>>& sets) : MemorySource(images_for(sets)) {
    int64_t begin = 0;
    for (const auto& [name, size] : sets) {
      ranges.push_back({name, begin, begin + size, {}});
      begin += size;
    }
  }
  std::vector<DataSetRange> data_sets() const override { return ranges; }
  std::vector<DataSetRange> ranges;

 private:
  static at::Tensor images_for(const std::vector<std::pair<std::string, int64_t>>& sets) {
    int64_t rows = 0;
    for (const auto& [name, size] : sets) rows += size;
    return numbered_images(rows, 1);
  }
};

SplitOptions shares(double validation, double test) {
  SplitOptions options;
  options.validation = validation;
  options.test = test;
  return options;
}

Node split_node(const std::string& yaml) { return parse_yaml(yaml, "test.yaml"); }

int64_t inside(const Rows& rows, const DataSetRange& set) {
  return std::count_if(rows.begin(), rows.end(), [&](int64_t row) { return row >= set.begin && row < set.end; });
}

TEST(SplitDataSets, SharesAreExactInEach) {
  const SetsInMemory source({{"a", 100}, {"b", 40}, {"c", 10}});
  const Split split = make_split(source, shares(0.1, 0.2), 3);
  for (const auto& set : source.ranges) {
    EXPECT_EQ(inside(split.validation, set), set.size() / 10) << set.name;
    EXPECT_EQ(inside(split.test, set), set.size() / 5) << set.name;
  }
  EXPECT_EQ(split.train.size() + split.validation.size() + split.test.size(), 150U);
  EXPECT_TRUE(std::is_sorted(split.train.begin(), split.train.end()));
  EXPECT_EQ(make_split(source, shares(0.1, 0.2), 3).test, split.test);
  EXPECT_NE(make_split(source, shares(0.1, 0.2), 4).test, split.test);
}

TEST(SplitDataSets, OwnSplitsTakeThePlaceOfTheCommonOne) {
  SetsInMemory source({{"a", 100}, {"b", 40}, {"c", 10}});
  source.ranges[1].split = split_node("{validation: 0.5}");
  source.add_texts("part", std::vector<std::string>(150, "train"));
  source.ranges[2].split = split_node("{column: part}");
  source.columns["part"].texts[149] = "val";
  const Split split = make_split(source, shares(0.1, 0.2), 3);
  EXPECT_EQ(inside(split.validation, source.ranges[0]), 10);
  EXPECT_EQ(inside(split.test, source.ranges[0]), 20);
  EXPECT_EQ(inside(split.validation, source.ranges[1]), 20);
  EXPECT_EQ(inside(split.test, source.ranges[1]), 0);
  EXPECT_EQ(split.validation.back(), 149);
  EXPECT_EQ(inside(split.validation, source.ranges[2]), 1);
}

TEST(SplitDataSets, PartsOfFilesAreKeptInEach) {
  SetsInMemory source({{"a", 20}, {"b", 20}});
  source.parts.assign(40, Part::unspecified);
  for (size_t row = 0; row < 20; ++row) source.parts[row] = row < 15 ? Part::train : Part::test;
  const Split split = make_split(source, shares(0.2, 0), 1);
  EXPECT_EQ(inside(split.validation, source.ranges[0]), 3);  // of its 15 training rows
  EXPECT_EQ(inside(split.test, source.ranges[0]), 5);
  EXPECT_EQ(inside(split.validation, source.ranges[1]), 4);
}

TEST(SplitDataSets, StratifiedWithinEach) {
  SetsInMemory source({{"a", 100}, {"b", 50}});
  std::vector<std::string> kinds;
  for (int i = 0; i < 150; ++i) kinds.push_back(i < 100 ? (i < 80 ? "x" : "y") : (i < 110 ? "x" : "y"));
  source.add_texts("kind", kinds);
  auto options = shares(0.1, 0);
  options.stratify = "kind";
  const Split split = make_split(source, options, 1);
  std::map<std::string, int64_t> counts;
  for (const int64_t row : split.validation) ++counts[(row < 100 ? "a" : "b") + kinds[static_cast<size_t>(row)]];
  EXPECT_EQ(counts, (std::map<std::string, int64_t>{{"ax", 8}, {"ay", 2}, {"bx", 1}, {"by", 4}}));
}

RC_GTEST_PROP(SplitDataSetsProperty, GroupsPartNowhere, ()) {
  const auto groups = 20 + *rc::gen::inRange<int64_t>(0, 40);
  Random random(*rc::gen::arbitrary<uint64_t>());
  SetsInMemory source({{"a", 200}, {"b", 120}, {"c", 80}});
  std::vector<double> person;
  for (int i = 0; i < 400; ++i) person.push_back(static_cast<double>(random.below(groups)));
  source.add_numbers("person", person);
  auto options = shares(0.2, 0.2);
  options.group = "person";
  const Split split = make_split(source, options, *rc::gen::inRange(0, 1000));
  RC_ASSERT(split.train.size() + split.validation.size() + split.test.size() == 400U);
  for (const auto& [value, parts] : parts_by_value(source.column("person"), split)) RC_ASSERT(parts == 1);
  for (const auto& set : source.ranges) {
    const double share = static_cast<double>(inside(split.validation, set)) / static_cast<double>(set.size());
    RC_ASSERT(share > 0.02);
    RC_ASSERT(share < 0.5);
  }
}

TEST(SplitDataSets, GroupsFollowWhereTheFilesHaveThem) {
  SetsInMemory source({{"a", 40}, {"b", 40}});
  std::vector<double> person;
  for (int i = 0; i < 80; ++i) person.push_back(i % 20);
  source.add_numbers("person", person);
  source.parts.assign(80, Part::unspecified);
  for (size_t row = 0; row < 40; ++row) source.parts[row] = row % 20 < 5 ? Part::test : Part::train;  // by person
  SplitOptions options;
  options.group = "person";
  const Split split = make_split(source, options, 1);
  for (const int64_t row : split.test) EXPECT_LT(row % 20, 5);
  EXPECT_EQ(split.test.size(), 20U);  // in b as well
  source.parts[0] = Part::train;      // person 0 in both
  EXPECT_THAT(error_of([&] { make_split(source, options, 1); }),
              HasSubstr("have \"0\" of column \"person\" in 2 parts"));
}

TEST(SplitDataSets, NeighboursInASetAreNotDividedOneByOne) {
  SetsInMemory source({{"a", 20}, {"b", 20}});
  std::vector<double> scene, kind;
  for (int i = 0; i < 40; ++i) {
    scene.push_back(i / 5);
    kind.push_back(i % 4);
  }
  source.add_numbers("scene", scene);
  source.add_numbers("kind", kind);
  source.ranges[0].neighbours = {{"scene", "whole scenes"}};
  auto options = shares(0.2, 0);
  const auto refused = [&] { return error_of([&] { make_split(source, options, 1); }); };
  const char* message = "data set \"a\": data.split: the 5 samples of scene \"0\" would be divided one by one";
  EXPECT_THAT(refused(), HasSubstr(message));
  options.group = "kind";
  EXPECT_THAT(refused(), HasSubstr(message));
  options.group = "";
  source.ranges[0].split = split_node("{validation: 0.25, group: scene}");
  const Split split = make_split(source, options, 1);
  EXPECT_EQ(inside(split.validation, source.ranges[0]), 5);
  EXPECT_EQ(inside(split.validation, source.ranges[1]), 4);
}

TEST(SplitDataSets, MistakesAreNamed) {
  SetsInMemory source({{"a", 20}, {"b", 20}});
  source.add_numbers("a.person", std::vector<double>(40, 1));
  std::vector<double> some(40, std::nan(""));
  for (size_t row = 0; row < 20; ++row) some[row] = static_cast<double>(row % 5);
  source.add_numbers("person", some);
  const auto failing = [&](auto change) {
    SplitOptions options = shares(0.2, 0);
    change(options);
    return error_of([&] { make_split(source, options, 1); });
  };
  EXPECT_THAT(failing([](auto& o) { o.validation = 0.02; }),
              HasSubstr("data set \"a\": data.split.validation: 0.02 of 20"));
  EXPECT_THAT(failing([](auto& o) { o.group = "person"; }),
              HasSubstr("data set \"b\" has no value in column \"person\""));
  EXPECT_THAT(failing([](auto& o) { o.group = "persn"; }), HasSubstr("did you mean \"person\""));
  EXPECT_THAT(failing([](auto& o) { o.group = "person", o.stratify = "person"; }), HasSubstr("exclude each other"));
  source.columns.erase("a.person");
  for (size_t row = 20; row < 40; ++row) source.columns["person"].numbers[row] = 9;  // one group only
  EXPECT_THAT(failing([](auto& o) { o.group = "person"; }),
              HasSubstr("data set \"b\": data.split.validation: no group"));
  source.ranges[1].split = split_node("{group: person, seed: 4}");
  EXPECT_THAT(failing([](auto& o) { o.group = "person"; }), HasSubstr("the same seed"));
}

std::vector<std::string> warnings_of(const TemporaryDirectory& directory, const std::string& more,
                                     const std::string& of_b = "") {
  for (const char* name : {"a", "b"}) {
    std::ofstream file(directory.path() / (std::string(name) + ".csv"));
    file << "patient,x,y\n";
    // In neither table does a patient come twice; both have the same patients.
    for (int i = 0; i < 40; ++i) file << fmt::format("p{},{},{}\n", i, i, 2 * i);
  }
  const auto path = [&](const char* name) { return (directory.path() / (std::string(name) + ".csv")).string(); };
  Node section =
      parse_yaml("{source: multi, sources: {a: {source: table, path: " + path("a") +
                     "}, b: {source: table, path: " + path("b") + of_b + "}}, split: {validation: 0.5" + more + "}}",
                 "test.yaml");
  TargetRequest y;
  y.task = "y";
  y.kind = TargetKind::real;
  y.expressions = {"y"};
  return open_data(section, {y}, 1).warnings;
}

TEST(SplitDataSets, LeaksAreSeenAcrossDataSets) {
  const TemporaryDirectory directory;
  EXPECT_THAT(warnings_of(directory, ""), ElementsAre(HasSubstr("column \"patient\"")));
  EXPECT_THAT(warnings_of(directory, ", group: patient"), IsEmpty());
  EXPECT_THAT(warnings_of(directory, ", warn_leaks: false"), IsEmpty());
  EXPECT_THAT(warnings_of(directory, "", ", split: {validation: 0.5, warn_leaks: false}"), IsEmpty());
}

// Both tables number their rows from 0: the numbers are no one's names. A column that one set alone has asks for a
// split of that set.
TEST(SplitDataSets, RowNumbersAreNoLeakAndAdviceNamesTheSetThatHasTheColumn) {
  SetsInMemory source({{"a", 20}, {"b", 20}});
  std::vector<double> number, user;
  for (int row = 0; row < 40; ++row) {
    number.push_back(row % 20);
    user.push_back(row < 20 ? row % 4 : std::nan(""));
  }
  source.add_numbers("row_id", number);
  const Split split = make_split(source, shares(0.5, 0), 1);
  EXPECT_THAT(find_leaks(source, split, {}), IsEmpty());
  source.add_numbers("user", user);
  EXPECT_THAT(find_leaks(source, split, {}),
              ElementsAre(HasSubstr("give data set a a split with this group of its own")));
}

TEST(SplitDataSets, AnAmbiguousIdentifierIsLookedAtInEach) {
  const TemporaryDirectory directory;
  for (const char* name : {"a", "b"}) {
    std::ofstream file(directory.path() / (std::string(name) + ".csv"));
    file << "user,x,y\n";
    for (int i = 0; i < 40; ++i) file << fmt::format("{}{},{},{}\n", name[0] == 'a' ? "u" : "", i % 4, i, 2 * i);
  }
  const auto path = [&](const char* name) { return (directory.path() / (std::string(name) + ".csv")).string(); };
  const Node section = parse_yaml("{source: multi, sources: {a: {source: table, path: " + path("a") +
                                      ", exclude: [user]}, b: {source: table, path: " + path("b") +
                                      ", exclude: [user]}}, split: {validation: 0.5}}",
                                  "test.yaml");
  const DataModule module = open_data(section, {{"y", TargetKind::real, {"y"}, {}, 0}}, 1);
  EXPECT_THAT(module.warnings, ElementsAre(HasSubstr("column \"a.user\""), HasSubstr("column \"b.user\"")));
}

}  // namespace
}  // namespace polytask
