#include <polytask/data/leaks.h>

#include <data/memory_source.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Rows = std::vector<int64_t>;

Rows all_of(const Split& split) {
  Rows all = split.train;
  all.insert(all.end(), split.validation.begin(), split.validation.end());
  all.insert(all.end(), split.test.begin(), split.test.end());
  std::sort(all.begin(), all.end());
  return all;
}

Rows counting(int64_t n) {
  Rows rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

SplitOptions shares(double validation, double test) {
  SplitOptions options;
  options.validation = validation;
  options.test = test;
  return options;
}

RC_GTEST_PROP(SplitProperty, EveryRowOnceAndSharesExact, ()) {
  const auto n = *rc::gen::inRange<int64_t>(20, 300);
  const double validation = *rc::gen::inRange(5, 45) / 100.0, test = *rc::gen::inRange(5, 45) / 100.0;
  MemorySource source(numbered_images(n, 1));
  const Split split = make_split(source, shares(validation, test), *rc::gen::inRange(0, 1000));
  RC_ASSERT(all_of(split) == counting(n));
  RC_ASSERT(static_cast<int64_t>(split.validation.size()) == std::llround(validation * static_cast<double>(n)));
  RC_ASSERT(static_cast<int64_t>(split.test.size()) == std::llround(test * static_cast<double>(n)));
  RC_ASSERT(std::is_sorted(split.train.begin(), split.train.end()));
}

RC_GTEST_PROP(SplitProperty, GroupsNeverPart, ()) {
  const auto n = *rc::gen::inRange<int64_t>(60, 200);
  const auto groups = *rc::gen::inRange<int64_t>(15, 25);
  MemorySource source(numbered_images(n, 1));
  std::vector<double> person;
  for (int64_t i = 0; i < n; ++i) person.push_back(static_cast<double>(i * i % groups));
  source.add_numbers("person", person);
  SplitOptions options = shares(0.25, 0.25);
  options.group = "person";
  const Split split = make_split(source, options, *rc::gen::inRange(0, 1000));
  RC_ASSERT(all_of(split) == counting(n));
  std::map<double, std::set<int>> parts;
  for (const auto row : split.train) parts[person[static_cast<size_t>(row)]].insert(0);
  for (const auto row : split.validation) parts[person[static_cast<size_t>(row)]].insert(1);
  for (const auto row : split.test) parts[person[static_cast<size_t>(row)]].insert(2);
  for (const auto& [value, in] : parts) RC_ASSERT(in.size() == 1U);
  RC_ASSERT(find_leaks(source, split, {}).empty());
}

TEST(Split, GroupSharesComeNear) {
  MemorySource source = MemorySource(numbered_images(1000, 1));
  std::vector<double> site;
  for (int i = 0; i < 1000; ++i) site.push_back(i / 10);
  source.add_numbers("site", site);
  SplitOptions options = shares(0.2, 0.1);
  options.group = "site";
  const Split split = make_split(source, options, 3);
  EXPECT_EQ(split.validation.size(), 200U);
  EXPECT_EQ(split.test.size(), 100U);
}

TEST(Split, StratifiedSharesHoldInEveryClass) {
  MemorySource source = MemorySource(numbered_images(1000, 1));
  std::vector<std::string> kinds;
  for (int i = 0; i < 1000; ++i) kinds.push_back(i < 700 ? "a" : i < 970 ? "b" : "c");  // 700, 270, 30
  source.add_texts("kind", kinds);
  SplitOptions options = shares(0.1, 0.2);
  options.stratify = "kind";
  const Split split = make_split(source, options, 1);
  const auto count = [&](const Rows& rows, const std::string& kind) {
    return std::count_if(rows.begin(), rows.end(),
                         [&](int64_t row) { return kinds[static_cast<size_t>(row)] == kind; });
  };
  EXPECT_EQ(count(split.validation, "a"), 70);
  EXPECT_EQ(count(split.validation, "b"), 27);
  EXPECT_EQ(count(split.validation, "c"), 3);
  EXPECT_EQ(count(split.test, "a"), 140);
  EXPECT_EQ(count(split.test, "b"), 54);
  EXPECT_EQ(count(split.test, "c"), 6);
  EXPECT_EQ(all_of(split), counting(1000));
}

TEST(Split, SeedDecidesAndOwnSeedWins) {
  const MemorySource source(numbered_images(100, 1));
  EXPECT_EQ(make_split(source, shares(0.3, 0), 1).validation, make_split(source, shares(0.3, 0), 1).validation);
  EXPECT_NE(make_split(source, shares(0.3, 0), 1).validation, make_split(source, shares(0.3, 0), 2).validation);
  SplitOptions own = shares(0.3, 0);
  own.seed = 7;
  EXPECT_EQ(make_split(source, own, 1).validation, make_split(source, shares(0.3, 0), 7).validation);
}

TEST(Split, ValidationComesFromTrainWhereFilesGiveTrainAndTest) {
  MemorySource source(numbered_images(100, 1));
  for (int i = 0; i < 100; ++i) source.parts.push_back(i < 80 ? Part::train : Part::test);
  const Split split = make_split(source, shares(0.25, 0), 1);
  EXPECT_EQ(split.train.size(), 60U);
  EXPECT_EQ(split.validation.size(), 20U);
  EXPECT_LT(split.validation.back(), 80);
  EXPECT_EQ(split.test.size(), 20U);
  EXPECT_EQ(split.test.front(), 80);
}

TEST(Split, SharesComeFromOpenRowsWhereThereAreSome) {
  MemorySource source(numbered_images(100, 1));
  for (int i = 0; i < 100; ++i) source.parts.push_back(i < 60 ? Part::train : Part::unspecified);
  const Split split = make_split(source, shares(0.5, 0), 1);
  EXPECT_EQ(split.validation.size(), 20U);
  EXPECT_GE(split.validation.front(), 60);
  EXPECT_EQ(split.train.size(), 80U);
}

TEST(Split, ColumnNamesParts) {
  MemorySource source(numbered_images(6, 1));
  source.add_texts("part", {"train", "Val", "test", "dev", "validation", "TRAIN"});
  SplitOptions options;
  options.column = "part";
  const Split split = make_split(source, options, 1);
  EXPECT_THAT(split.train, ElementsAre(0, 5));
  EXPECT_THAT(split.validation, ElementsAre(1, 3, 4));
  EXPECT_THAT(split.test, ElementsAre(2));
}

TEST(Split, MistakesAreNamed) {
  MemorySource source(numbered_images(10, 1));
  source.add_texts("part", {"train", "val", "tset", "", "", "", "", "", "", ""});
  source.add_texts("person", {"a", "a", "", "b", "b", "b", "c", "c", "c", "c"});
  source.add_texts("two", {"a", "a", "a", "a", "a", "b", "b", "b", "b", "b"});
  source.add_numbers("height", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const auto failing = [&](auto change) {
    SplitOptions options = shares(0.2, 0);
    change(options);
    return error_of([&] { make_split(source, options, 1); });
  };
  EXPECT_THAT(failing([](auto& o) { o.test = 0.8; }), HasSubstr("leave no training row"));
  EXPECT_THAT(failing([](auto& o) { o.validation = 0.04; }), HasSubstr("0.04 of 10 rows is no row"));
  EXPECT_THAT(failing([](auto& o) { o.group = "person", o.stratify = "part"; }), HasSubstr("exclude each other"));
  EXPECT_THAT(failing([](auto& o) { o.column = "part"; }), HasSubstr("memory[2]: \"tset\" in column \"part\""));
  EXPECT_THAT(failing([](auto& o) { o.group = "preson"; }), HasSubstr("did you mean \"person\""));
  EXPECT_THAT(failing([](auto& o) { o.group = "person"; }), HasSubstr("memory[2]: no value in column \"person\""));
  EXPECT_THAT(failing([](auto& o) { o.group = "two"; }), HasSubstr("more than twice the 2 rows"));
  EXPECT_THAT(failing([](auto& o) { o.stratify = "height"; }), HasSubstr("has 10 different values in 10 rows"));
  source.parts.assign(10, Part::train);
  source.parts[9] = Part::validation;
  EXPECT_THAT(failing([](auto&) {}), HasSubstr("come with a validation part of 1 rows"));
  source.parts[4] = Part::test;
  EXPECT_THAT(failing([](auto& o) { o.validation = 0, o.group = "two"; }),
              HasSubstr("have \"a\" of column \"two\" in 2"));
  source.parts.assign(10, Part::test);
  EXPECT_THAT(failing([](auto& o) { o.validation = 0; }), HasSubstr("no training row is left"));
}

TEST(Split, NeighboursAreNotDividedOneByOne) {
  MemorySource source(numbered_images(20, 1));
  std::vector<std::string> scene, block;
  for (int i = 0; i < 20; ++i) {
    scene.push_back(i < 10 ? "a" : "b");
    block.push_back(fmt::format("{}/{}", scene.back(), i / 2));
  }
  source.add_texts("scene", scene);
  source.add_texts("block", block);
  source.add_numbers("x", std::vector<double>(20, 0));
  source.neighbours = {{"scene", "whole scenes"}, {"block", "blocks of a scene"}};
  const auto refused = [&](SplitOptions options) { return error_of([&] { make_split(source, options, 1); }); };
  const char* message = "the 10 samples of scene \"a\" would be divided one by one";
  EXPECT_THAT(refused(shares(0.2, 0)), HasSubstr(message));
  EXPECT_THAT(refused(shares(0, 0.2)),
              HasSubstr("set data.split.group: scene (whole scenes) or block (blocks of a scene)"));
  SplitOptions other = shares(0.5, 0);
  other.group = "x";
  EXPECT_THAT(refused(other), HasSubstr(message));
  other = shares(0.5, 0);
  other.stratify = "x";
  EXPECT_THAT(refused(other), HasSubstr(message));
  EXPECT_EQ(make_split(source, shares(0, 0), 1).train.size(), 20U);
  for (const std::string group : {"scene", "block"}) {
    SplitOptions kept = shares(0.5, 0);
    kept.group = group;
    EXPECT_EQ(make_split(source, kept, 1).validation.size(), 10U);
  }
  for (int i = 0; i < 20; ++i) source.parts.push_back(i < 10 ? Part::unspecified : Part::test);
  EXPECT_THAT(refused(shares(0.2, 0)), HasSubstr(message)) << "of what the files leave open";
  source.parts.assign(20, Part::train);
  EXPECT_THAT(refused(shares(0.2, 0)), HasSubstr(message)) << "of what the files train on";
  source.parts[0] = Part::validation;
  EXPECT_EQ(make_split(source, shares(0, 0), 1).validation.size(), 1U) << "as the files say";
}

TEST(Split, NeighboursOfOneSampleEachAreDividedAtRandom) {
  MemorySource source(numbered_images(20, 1));
  std::vector<double> scene(20);
  std::iota(scene.begin(), scene.end(), 0);
  source.add_numbers("scene", scene);
  source.neighbours = {{"scene", "whole scenes"}};
  EXPECT_EQ(make_split(source, shares(0.2, 0), 1).validation.size(), 4U);
}

TEST(Leaks, IdentifiersThatRepeatAcrossPartsAreReported) {
  MemorySource source(numbered_images(84, 1));
  std::vector<double> subject, age, row_id;
  for (int i = 0; i < 84; ++i) {
    subject.push_back(i % 42);
    age.push_back(i % 5);
    row_id.push_back(i);
  }
  source.add_numbers("subject#", subject);
  source.add_numbers("plotId", subject);
  source.add_numbers("age", age);
  source.add_numbers("width", subject);
  source.add_numbers("row_id", row_id);
  source.add_numbers("user", subject);
  Split split;
  for (int64_t i = 0; i < 84; ++i) (i < 42 ? split.train : split.validation).push_back(i);
  EXPECT_THAT(find_leaks(source, split, {"user"}),
              ElementsAre(HasSubstr("column \"plotId\""),
                          "column \"subject#\" looks like an identifier and 42 of its 42 values occur in more than one "
                          "part: scores may be too good; set data.split.group: subject#"));
  Split whole;
  whole.train = counting(84);
  EXPECT_THAT(find_leaks(source, whole, {}), IsEmpty());
}

}  // namespace
}  // namespace polytask
