// `polytask allometry sensitivity` as a user calls it.
#include "support/program.h"
#include "support/temporary_directory.h"

#include <polytask/io/atomic_file.h>
#include <polytask/io/csv.h>
#include <polytask/io/json.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace polytask {
namespace {

using testing::HasSubstr;

TEST(SensitivityVerb, AsksATrainedRun) {
  const TemporaryDirectory directory;
  const auto path = [&](const std::string& name) { return (directory.path() / name).string(); };
  const auto call = [&](const std::string& arguments) { return run_polytask("-q " + arguments, directory.path()); };
  write_file_atomically(
      path("forest.yaml"),
      "data: {source: forest, count: 40, size: 16, split: {validation: 0.2, test: 0.2, group: scene}}\n"
      "model: {backbone: {type: unet, width: 2, depth: 1}}\n"
      "tasks:\n  genus: {type: segmentation, target: genus, head: {type: unet_decoder}}\n"
      "  height: {type: dense_regression, target: height, head: {type: unet_decoder}}\n"
      "  biomass: {type: dense_regression, target: biomass, head: {type: unet_decoder}}\n"
      "couplings: {law: {type: allometry, genus: genus, height: height, biomass: biomass,\n"
      "  parameters: training}}\ntrain: {epochs: 1}\ntracking: {tensorboard: false}\n");
  ASSERT_EQ(call("train " + path("forest.yaml") + " --run-dir " + path("run")).status, 0);
  const std::string verb = "allometry sensitivity " + path("run");
  const auto result = call(verb + " --draws 20 -o " + path("out"));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("rows of test"));
  EXPECT_THAT(result.out, HasSubstr("RMSE of biomass"));
  EXPECT_EQ(read_csv(path("out/sensitivity.csv")).rows(), 1 + 6 * 2 * 4);
  EXPECT_EQ(read_csv(path("out/draws.csv")).rows(), 7 * 20);
  EXPECT_THAT(read_file(path("out/sensitivity.svg")), HasSubstr("Which genus's parameters matter"));
  ASSERT_EQ(call("evaluate " + path("run") + " --json " + path("e.json")).status, 0);
  const double residual = json_number(*read_json_file(path("e.json")).find("law")->find("value"));
  EXPECT_NEAR(json_number(*read_json_file(path("out/sensitivity.json")).find("fitted")->find("residual")), residual,
              1e-4 * residual);
  EXPECT_EQ(call(verb + " --draws 20").out.find("sensitivity.csv"), std::string::npos);
  EXPECT_THAT(result.out, HasSubstr("is a median"));
  EXPECT_THAT(call(verb + " --draws 2 --correction baskerville").out, HasSubstr("the factor of baskerville"));
  const auto unseen = call(verb + " --correction duan");
  EXPECT_EQ(unseen.status, 2);
  EXPECT_THAT(unseen.err, HasSubstr("no such factor"));
  const auto unknown = call(verb + " --coupling lav");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean \"law\""));

  ASSERT_EQ(call("train " + path("forest.yaml") +
                 " 'couplings.law.parameters={alpha: 1, beta: 1, unit: Mg/ha}' --run-dir " + path("scalars"))
                .status,
            0);
  const auto scalars = call("allometry sensitivity " + path("scalars"));
  EXPECT_EQ(scalars.status, 2);
  EXPECT_THAT(scalars.err, HasSubstr("without an uncertainty"));
}

}  // namespace
}  // namespace polytask
