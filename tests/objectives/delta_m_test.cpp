#include <polytask/io/json.h>
#include <polytask/objectives/delta_m.h>

#include <gmock/gmock.h>
#include <objectives/support.h>
#include <support/shared_data.h>

namespace polytask {
namespace {

using testing::HasSubstr;

constexpr Direction kHigher = Direction::higher_is_better, kLower = Direction::lower_is_better;

TEST(DeltaM, IsTheMeanOfSignedRelativeChanges) {
  const TaskFigures baseline = {{"a", {{"accuracy", 0.8, kHigher, ""}}},
                                {"b", {{"mae", 2, kLower, "mm"}, {"r2", 0.5, kHigher, ""}}}};
  const TaskFigures results = {{"a", {{"accuracy", 0.9, kHigher, ""}}},
                               {"b", {{"r2", 0.4, kHigher, ""}, {"mae", 1, kLower, "mm"}}}};
  const DeltaM delta = delta_m(results, baseline);
  EXPECT_NEAR(delta.tasks.at("a"), 12.5, 1e-12);
  EXPECT_NEAR(delta.tasks.at("b"), (50 - 20) / 2.0, 1e-12);
  EXPECT_NEAR(delta.mean, (12.5 + 15) / 2, 1e-12);
}

TEST(DeltaM, GivesTheGoldenValues) {
  const auto path = golden_path("balancing/delta_p.libmtl.json");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no golden values at " << path;
  const Node cases = read_json_file(path);
  ASSERT_FALSE(cases.items().empty());
  for (const auto& given : cases.items()) {
    TaskFigures baseline, results;
    for (const auto& [task, values] : given.find("base")->entries()) {
      for (size_t i = 0; i < values.items().size(); ++i) {
        const auto number = [&, name = task](const char* key) {
          return number_of(given.find(key)->find(name)->items()[i]);
        };
        const Direction direction = number("higher_is_better") == 1 ? kHigher : kLower;
        baseline[task].push_back({std::to_string(i), number("base"), direction, ""});
        results[task].push_back({std::to_string(i), number("new"), direction, ""});
      }
    }
    const double expected = number_of(*given.find("expected")->find("delta"));
    EXPECT_NEAR(delta_m(results, baseline).mean / 100, expected, 1e-12) << given.text_or("id", "");
  }
}

TEST(DeltaM, KeepsTheSignForNegativeBaselinesAndIsNanAtZero) {
  const TaskFigures baseline = {{"a", {{"r2", -0.5, kHigher, ""}}}};
  EXPECT_NEAR(delta_m({{"a", {{"r2", 0.5, kHigher, ""}}}}, baseline).mean, 200, 1e-12);
  EXPECT_TRUE(std::isnan(delta_m({{"a", {{"r2", 0.5, kHigher, ""}}}}, {{"a", {{"r2", 0, kHigher, ""}}}}).mean));
}

TEST(DeltaM, SaysWhatTheBaselineLacks) {
  const TaskFigures results = {{"a", {{"r2", 0.5, kHigher, ""}}}};
  EXPECT_THAT(error_of([&] { delta_m(results, {}); }), HasSubstr("the baseline has no task \"a\""));
  EXPECT_THAT(error_of([&] { delta_m(results, {{"a", {}}}); }), HasSubstr("the baseline of task \"a\" has no \"r2\""));
  EXPECT_THAT(error_of([&] { delta_m({{"a", {}}}, {{"a", {}}}); }), HasSubstr("has no figure"));
  EXPECT_THAT(error_of([&] { delta_m({}, results); }), HasSubstr("no task to compare"));
}

}  // namespace
}  // namespace polytask
