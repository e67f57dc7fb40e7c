// `polytask allometry fit` on rasters and on an experiment's training rows, as a user calls it.
#include "support/geotiff.h"
#include "support/program.h"
#include "support/temporary_directory.h"

#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

using testing::HasSubstr;

class AllometryRows : public testing::Test {
 protected:
  AllometryRows() {
    at::manual_seed(1);
    const at::Tensor codes = at::randint(1, 4, {20, 30}, at::kFloat), height = at::rand({20, 30}) * 30;
    const at::Tensor biomass = (1 + 1.5 * height.log() + 0.2 * codes + 0.2 * at::randn({20, 30})).exp();
    write_tiff(path("genus.tif"), {codes, GDT_Byte});
    write_tiff(path("height.tif"), {height});
    write_tiff(path("biomass.tif"), {biomass});
    write_file_atomically(path("genera.json"), R"({"1": "Fagus", "2": "Picea", "3": "Pinus"})");
    std::string table = "genus,height,agb\n";
    const std::vector<std::string> names = {"Fagus", "Picea", "Pinus"};
    for (int64_t i = 0; i < codes.numel(); ++i)
      table += fmt::format("{},{:.17g},{:.17g}\n", names[static_cast<size_t>(codes.flatten()[i].item<int64_t>()) - 1],
                           height.flatten()[i].item<double>(), biomass.flatten()[i].item<double>());
    write_file_atomically(path("cells.csv"), table);
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  ProgramResult fit(const std::string& arguments, const std::string& output = "p.json") {
    return run_polytask("-q allometry fit " + arguments + " -o " + path(output), directory_.path());
  }
  std::string rasters() const {
    return "--rasters --genus " + path("genus.tif") + " --height " + path("height.tif") + " --biomass " +
           path("biomass.tif");
  }
  void refused(const ProgramResult& result, const std::vector<std::string>& phrases) {
    EXPECT_EQ(result.status, 2) << result.err;
    for (const auto& phrase : phrases) EXPECT_THAT(result.err, HasSubstr(phrase));
    EXPECT_FALSE(std::filesystem::exists(path("p.json")));
  }
  TemporaryDirectory directory_;
};

TEST_F(AllometryRows, RastersAndTheirCellsAsATableGiveTheSame) {
  const auto cells =
      fit(rasters() + " --classes " + path("genera.json") + " --biomass-unit Mg/ha --pooling none", "r.json");
  ASSERT_EQ(cells.status, 0) << cells.err;
  EXPECT_THAT(cells.out, HasSubstr("read 600"));
  EXPECT_THAT(cells.out, HasSubstr("B in Mg/ha"));
  const auto table =
      fit(path("cells.csv") + " --genus genus --height height --biomass agb --biomass-unit Mg/ha --pooling none");
  ASSERT_EQ(table.status, 0) << table.err;
  const Node a = read_json_file(path("r.json")), b = read_json_file(path("p.json"));
  EXPECT_EQ(a.find("units")->text_or("biomass", ""), "Mg/ha");
  EXPECT_EQ(write_json(*a.find("rows")), write_json(*b.find("rows")));
  EXPECT_EQ(a.find("provenance")->find("rasters")->items().size(), 3U);
  for (const char* genus : {"Fagus", "Picea", "Pinus"})
    for (const char* parameter : {"alpha", "beta"})
      EXPECT_NEAR(json_number(*a.find("genera")->find(genus)->find(parameter)),
                  json_number(*b.find("genera")->find(genus)->find(parameter)), 1e-9);
  EXPECT_TRUE(std::filesystem::exists(path("r.svg")));
}

TEST_F(AllometryRows, TreesAreNoCells) {
  refused(fit(rasters()), {"--biomass-unit is missing", "Mg/ha"});
  refused(fit(rasters() + " --biomass-unit kg"), {"--biomass-unit kg", "biomass of a tree", "Mg/ha"});
  TestTiff biomass;
  biomass.values = at::ones({20, 31});
  write_tiff(path("biomass.tif"), biomass);
  refused(fit(rasters() + " --biomass-unit Mg/ha"), {"biomass (", "biomass.tif) has 31 × 20 pixels, not 30 × 20"});
}

TEST_F(AllometryRows, OptionsThatDoNotGoTogetherAreRefused) {
  const std::string columns = " --genus genus --height height --biomass agb";
  refused(fit(path("cells.csv") + columns + " --ignore 0"), {"--ignore", "--rasters"});
  refused(fit(path("cells.csv") + columns + " --coupling a"), {"--coupling", "--training"});
  refused(fit(path("cells.csv") + " --genus genus --height height"), {"--biomass is missing"});
  refused(fit(columns), {"no table is given"});
  refused(fit(path("cells.csv") + " a.b=c" + columns), {"a.b=c", "--training"});
  refused(fit(rasters() + " --biomass-unit Mg/ha --delimiter tab"), {"--delimiter"});
  refused(fit(rasters() + " --biomass-unit Mg/ha --group site"), {"--group site", "scene"});
  refused(fit(path("cells.csv") + " --biomass-unit Mg/ha " + rasters()), {"cells.csv", "--genus"});
  refused(fit("--training --height height"), {"--height", "coupling"});
  refused(fit("--training"), {"no experiment is given"});
}

TEST_F(AllometryRows, TheTableIsNotOverwritten) {
  const auto result = fit(path("cells.csv") + " --genus genus --height height --biomass agb", "cells.json");
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("cells.csv, which is what is fitted"));
  EXPECT_THAT(read_file(path("cells.csv")), HasSubstr("genus,height,agb"));
}

TEST_F(AllometryRows, TrainingRowsOfAnExperiment) {
  write_file_atomically(path("forest.yaml"),
                        "data: {source: forest, count: 20, size: 16, split: {validation: 0.2, group: scene}}\n"
                        "model: {backbone: {type: unet, width: 2, depth: 1}}\n"
                        "tasks:\n  genus: {type: segmentation, target: genus, head: {type: unet_decoder}}\n"
                        "  height: {type: dense_regression, target: height, head: {type: unet_decoder}}\n"
                        "  biomass: {type: dense_regression, target: biomass, head: {type: unet_decoder}}\n"
                        "couplings: {law: {type: allometry, genus: genus, height: height, biomass: biomass,\n"
                        "  parameters: training, law: quadratic, pooling: none, min_height: 4}}\n");
  const auto result = fit(path("forest.yaml") + " data.seed=5 --training --group scene");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("groups at a time"));
  const Node file = read_json_file(path("p.json"));
  EXPECT_EQ(file.text_or("law", ""), "quadratic");
  EXPECT_EQ(file.text_or("pooling", ""), "none");
  EXPECT_EQ(file.text_or("min_height_m", ""), "4");
  EXPECT_EQ(file.find("units")->text_or("biomass", ""), "Mg/ha");
  EXPECT_EQ(file.find("provenance")->text_or("coupling", ""), "law");
  ASSERT_EQ(fit(path("forest.yaml") + " --training --law power --min-height 2", "q.json").status, 0);
  EXPECT_EQ(read_json_file(path("q.json")).text_or("law", ""), "power");
  const auto unit = fit(path("forest.yaml") + " --training --biomass-unit kg", "q.json");
  EXPECT_EQ(unit.status, 2);
  EXPECT_THAT(unit.err, HasSubstr("\"biomass\" is in Mg/ha"));
}

}  // namespace
}  // namespace polytask
