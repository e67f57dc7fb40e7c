#include <polytask/io/csv.h>
#include <polytask/io/json.h>
#include <polytask/reporting/sensitivity_report.h>
#include <polytask/reporting/tornado_figure.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

AllometrySensitivity made() {
  AllometrySensitivity result;
  result.coupling = "law";
  result.law = "power";
  result.biomass_unit = "Mg/ha";
  result.min_height_m = 1.3;
  result.rows = 4;
  result.pixels = 100;
  result.compared = 80;
  result.fitted = {0.5, 20, 1};
  const auto genus = [](const std::string& name, double size) {
    GenusSensitivity genus;
    genus.name = name;
    genus.share = 0.25;
    for (int i = 0; i <= 20; ++i) genus.draws.push_back({0.5 + size * i, 20 + size * (i - 10), 1});
    for (const char* parameter : {"alpha", "beta"}) {
      ParameterSwing swing;
      swing.parameter = parameter;
      swing.standard_error = 0.1;
      for (size_t s = 0; s < 4; ++s) {
        const double step = ParameterSwing::kSteps[s];
        swing.at[s] = {0.5 + size * step * step, 20 - size * step, 1 + size * step};
      }
      genus.swings.push_back(swing);
    }
    return genus;
  };
  result.genera = {genus("Fagus", 0.01), genus("Pinus & co", 0.3)};
  result.draws = result.genera[0].draws;
  result.fixed = {"Tilia"};
  return result;
}

TEST(SensitivityReport, SpreadIsThatOfTheDraws) {
  const auto spread = spread_of(made().genera[0].draws, &AllometryFigures::rmse);
  EXPECT_NEAR(spread.mean, 20, 1e-12);
  EXPECT_NEAR(spread.sd, 0.01 * std::sqrt(38.5), 1e-12);
  EXPECT_NEAR(spread.low, 20 - 0.09, 1e-12);
  EXPECT_NEAR(spread.high, 20 + 0.09, 1e-12);
  EXPECT_TRUE(std::isnan(spread_of({{1, std::nan(""), 1}}, &AllometryFigures::rmse).mean));
}

TEST(SensitivityReport, TheMostInfluentialGenusIsFirst) {
  EXPECT_EQ(by_influence(made()), (std::vector<size_t>{1, 0}));
  const std::string text = sensitivity_text(made(), "test");
  EXPECT_LT(text.find("Pinus"), text.find("Fagus"));
  EXPECT_THAT(text, HasSubstr("4 rows of test, 100 pixels higher than 1.3 m, 80 of them"));
  EXPECT_THAT(text, HasSubstr("+1.2"));
  EXPECT_THAT(text, HasSubstr("kept as fitted: Tilia"));
}

TEST(SensitivityReport, FilesHoldEveryFigure) {
  const CsvTable table = parse_csv(sensitivity_csv(made()), "s.csv");
  EXPECT_EQ(table.rows(), 1 + 2 * 2 * 4);
  EXPECT_EQ(parse_csv(sensitivity_draws_csv(made()), "d.csv").rows(), 3 * 21);
  const Node node = parse_json(write_json(sensitivity_node(made())), "s.json");
  const Node& swing = *node.find("genera")->find("Pinus & co")->find("moved")->find("beta");
  EXPECT_NEAR(json_number(*swing.find("-2 SE")->find("rmse")), 20.6, 1e-12);
  EXPECT_EQ(node.find("fixed")->items().size(), 1U);
}

TEST(SensitivityReport, TheTornadoShowsBothFigures) {
  const std::string figure = tornado_figure(made());
  for (const char* phrase : {"Pinus &amp; co", "Fagus", "change of the residual, 0.5",
                             "change of the RMSE of biomass, 20 (Mg/ha)", "2 of 2 genera", "alpha", "drawn"})
    EXPECT_THAT(figure, HasSubstr(phrase));
  EXPECT_EQ(tornado_figure(made()), figure);
  EXPECT_THAT(tornado_figure(made(), 1), testing::Not(HasSubstr("Fagus")));
  AllometrySensitivity unlabelled = made();
  unlabelled.compared = 0;
  EXPECT_THAT(tornado_figure(unlabelled), testing::Not(HasSubstr("RMSE")));
}

}  // namespace
}  // namespace polytask
