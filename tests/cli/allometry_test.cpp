// `polytask allometry` as a user calls it.
#include "support/program.h"
#include "support/shared_data.h"
#include "support/temporary_directory.h"

#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

class AllometryVerb : public testing::Test {
 protected:
  AllometryVerb() {
    std::string table = "genus,height,agb,site\n";
    for (int i = 0; i < 60; ++i) {
      const double h = 2 + i * 0.5, b = std::exp(-3 + (2.5 + 0.3 * (i % 3)) * std::log(h) + 0.2 * std::sin(7 * i));
      table += fmt::format("{},{},{},s{}\n", i % 3 == 0 ? "Pinus" : i % 3 == 1 ? "Fagus" : "Picea", h, b, i % 4);
    }
    write("trees.csv", table + "Tilia,9,40,s1\nTilia,9,50,s1\nAbies,1.2,3,s0\nAbies,NA,3,s0\nPinus,5,0,s0\n,5,5,s0\n");
  }
  std::string write(const std::string& name, const std::string& content) {
    write_file_atomically(path(name), content);
    return path(name);
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  ProgramResult run(const std::string& arguments) {
    return run_polytask("-q allometry " + arguments, directory_.path());
  }
  ProgramResult fit(const std::string& more) {
    return run("fit " + path("trees.csv") + " --genus genus --height height --biomass agb -o " + path("p.json") + " " +
               more);
  }
  void refused(const ProgramResult& result, const std::vector<std::string>& phrases) {
    EXPECT_EQ(result.status, 2) << result.err;
    for (const auto& phrase : phrases) EXPECT_THAT(result.err, HasSubstr(phrase));
    EXPECT_FALSE(std::filesystem::exists(path("p.json")));
  }
  TemporaryDirectory directory_;
};

TEST_F(AllometryVerb, FitWritesParametersTableAndFigure) {
  const auto result = fit("--group site --biomass-unit t");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("read 66, kept 62; dropped: 1 genus missing, 1 height missing or not finite, 1 height "
                        "below 1.3 m, 1 biomass not above 0"));
  EXPECT_THAT(result.out, HasSubstr("B in t"));
  EXPECT_THAT(result.out, HasSubstr("one of 4 groups at a time"));
  const Node file = read_json_file(path("p.json"));
  EXPECT_EQ(file.find("units")->text_or("biomass", ""), "t");
  EXPECT_EQ(file.find("genera")->entries().size(), 5U) << "Abies has no rows and gets the fixed effects";
  EXPECT_NEAR(json_number(*file.find("genera")->find("Fagus")->find("beta")), 2.8, 0.1);
  EXPECT_EQ(file.find("genera")->find("Abies")->text_or("beta", "a"), file.find("fixed_effects")->text_or("beta", "b"));
  EXPECT_NE(file.find("provenance")->find("digest"), nullptr);
  const CsvTable table = read_csv(path("p.csv"));
  EXPECT_EQ(table.rows(), 6);
  const std::string figure = read_file(path("p.svg"));
  EXPECT_THAT(figure, HasSubstr("Pinus (20)"));
  EXPECT_THAT(figure, HasSubstr("partially pooled"));
}

TEST_F(AllometryVerb, GeneraWithTooFewHeightsAreListed) {
  const auto result = fit("--pooling none");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("not estimable: Tilia (its 2 rows have fewer than 2 distinct heights), Abies (no rows)"));
  const Node file = read_json_file(path("p.json"));
  EXPECT_EQ(file.find("genera")->find("Tilia"), nullptr);
  EXPECT_THAT(file.find("not_estimable")->text_or("Tilia", ""), HasSubstr("distinct heights"));
}

TEST_F(AllometryVerb, EveryLawAndCriterion) {
  for (const char* how : {"quadratic --pooling complete", "asymptotic --criterion ml", "segmented --pooling none"})
    EXPECT_EQ(fit(std::string("--law ") + how).status, 0) << how;
  ASSERT_EQ(fit("--law segmented --shape 6").status, 0);
  EXPECT_EQ(json_number(*read_json_file(path("p.json")).find("genera")->find("Pinus")->find("knot_m")), 6);
}

TEST_F(AllometryVerb, AGroupThatCanNotBeLeftOutLosesNoFit) {
  std::string table = "genus,height,agb,site\n";
  for (int i = 0; i < 30; ++i)
    table += fmt::format("{},{},{},{}\n", i < 20 ? "Pinus" : "Fagus", 2 + i % 10 + 0.1 * i, 3 + i, i < 20 ? i % 2 : 7);
  const auto result = run_polytask("allometry fit " + write("two.csv", table) +
                                       " --genus genus --height height --biomass agb --group site -o " + path("p.json"),
                                   directory_.path());
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, testing::AllOf(HasSubstr("held out could not be had"), HasSubstr("group \"7\"")));
  EXPECT_TRUE(std::filesystem::exists(path("p.json")));
}

TEST_F(AllometryVerb, CompareShowsEveryLaw) {
  const auto result =
      run("compare " + path("trees.csv") + " --genus genus --height height --biomass agb -o " + path("c.csv"));
  ASSERT_EQ(result.status, 0) << result.err;
  for (const char* phrase : {"power", "quadratic", "segmented", "asymptotic", "AIC", "held-out RMSE", "10 random folds",
                             "the genus's lowest AIC"})
    EXPECT_THAT(result.out, HasSubstr(phrase));
  const CsvTable table = read_csv(path("c.csv"));
  EXPECT_EQ(table.rows(), 12 + 5 * 12);
}

TEST_F(AllometryVerb, MistakesAreNamed) {
  const std::string table = path("trees.csv"),
                    columns = " --genus genus --height height --biomass agb -o " + path("p.json");
  refused(run("fit " + table + " --genus genus --height heigth --biomass agb -o " + path("p.json")),
          {"trees.csv", "no column \"heigth\"", "did you mean \"height\""});
  refused(run("fit " + path("none.csv") + columns), {"none.csv"});
  refused(fit("--law pwer"), {"--law", "did you mean \"power\""});
  refused(fit("--pooling partail"), {"--pooling", "did you mean \"partial\""});
  refused(fit("--pooling none --criterion ml"), {"--criterion ml", "--pooling partial"});
  refused(fit("--biomass-unit lb"), {"--biomass-unit lb", "kg", "Mg/ha"});
  refused(fit("--min-height 100"), {"no row is left to fit", "height below 100 m"});
  refused(run("fit " + write("word.csv", "genus,height,agb\nPinus,tall,3\n") + columns),
          {"word.csv:2", "\"height\"", "\"tall\" is no number"});
  refused(run("fit " + write("ragged.csv", "genus,height,agb\nPinus,3,3\nPinus,3\n") + columns),
          {"ragged.csv:3", "2 fields"});
  refused(run("fit " + write("one.csv", "genus,height,agb\nPinus,3,3\nPinus,4,5\nPinus,5,9\n") + columns),
          {"partial pooling needs two genera"});
  refused(run("fit " + table + " --genus genus --height height --biomass agb -o " + path("p.txt")), {"p.txt", ".json"});
}

TEST_F(AllometryVerb, RealTrees) {
  const auto table = shared_path("data/baad/allometry.csv");
  if (!std::filesystem::exists(table)) GTEST_SKIP() << "needs " << table;
  const auto result = run("fit " + table.string() +
                          " --genus genus --height height_m --biomass agb_kg --group study -o " + path("p.json"));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("kept 5757"));
  const Node pinus = *read_json_file(path("p.json")).find("genera")->find("Pinus");
  EXPECT_NEAR(json_number(*pinus.find("alpha")), -1.908, 1e-3);
  EXPECT_NEAR(json_number(*pinus.find("beta")), 2.334, 1e-3);
}

}  // namespace
}  // namespace polytask
