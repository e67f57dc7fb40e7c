#include <polytask/allometry/dataset_observations.h>
#include <polytask/allometry/fit_rows.h>
#include <polytask/allometry/parameters.h>
#include <polytask/core/error.h>
#include <polytask/training/allometry_data.h>
#include <polytask/training/session.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/experiments.h>

namespace polytask {
namespace {

using testing::HasSubstr;

Experiment forest(const std::vector<std::string>& overrides = {}) {
  return resolve_experiment(configuration(R"(
seed: 3
device: cpu
data: {source: forest, count: 24, size: 16, gaps: 0.3, split: {validation: 0.2, group: scene}}
model: {backbone: {type: unet, width: 2, depth: 1}}
tasks:
  genus: {type: segmentation, target: genus, head: {type: unet_decoder}}
  height: {type: dense_regression, target: height, head: {type: unet_decoder}}
  biomass: {type: dense_regression, target: biomass, head: {type: unet_decoder}}
couplings:
  law: {type: allometry, genus: genus, height: height, biomass: biomass, parameters: training, min_height: 3}
tracking: {tensorboard: false}
)",
                                          overrides));
}

TEST(AllometryData, training_rows_give_what_the_coupling_finds) {
  const Session session = open_session(forest());
  const auto found =
      parse_parameters(*session.couplings[0].coupling().state().find("parameters"), "the coupling", "power");
  const AllometryData data = open_allometry_data(forest(), "", "forest.yaml");
  EXPECT_EQ(data.coupling, "law");
  EXPECT_EQ(data.biomass->unit(), "Mg/ha");
  DatasetObservations observations(*data.data.dataset, data.data.split.train, {"genus", "height", "biomass"},
                                   data.genus->class_names(), "scene");
  const KeptRows rows(observations, *data.options.min_height_m);
  EXPECT_EQ(rows.genera(), data.genus->class_names());
  EXPECT_GT(rows.groups().size(), 2U);
  EXPECT_GT(rows.counts().height_missing + rows.counts().genus_missing, 0) << "the forest has gaps";
  const Fit fit = fit_rows(rows, law_named("power", ""), {});
  for (size_t g = 0; g < found.genera.size(); ++g) {
    EXPECT_EQ(found.genera[g].name, rows.genera()[g]);
    for (size_t p = 0; p < 2; ++p)
      EXPECT_NEAR(found.genera[g].values[p], fit.genera[g].parameters[p], 1e-9) << found.genera[g].name;
  }
}

TEST(AllometryData, what_is_missing_is_named) {
  const auto message = [](const Experiment& experiment, const std::string& coupling) {
    try {
      open_allometry_data(experiment, coupling, "forest.yaml");
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("(no error)");
  };
  EXPECT_THAT(message(forest(), "lav"), AllOf(HasSubstr("forest.yaml"), HasSubstr("did you mean \"law\"")));
  EXPECT_THAT(message(forest({"couplings={}"}), ""), HasSubstr("none of type allometry"));
  const std::string second =
      "couplings.other={type: allometry, genus: genus, height: height, biomass: biomass, parameters: training}";
  EXPECT_THAT(message(forest({second}), ""), AllOf(HasSubstr("several"), HasSubstr("--coupling")));
  EXPECT_EQ(message(forest({second}), "law"), "(no error)");
}

}  // namespace
}  // namespace polytask
