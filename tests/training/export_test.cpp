#include <polytask/config/yaml.h>
#include <polytask/training/export.h>
#include <polytask/training/run_directory.h>

#include <training/run_fixture.h>

namespace polytask {
namespace {

using testing::HasSubstr;

// What the export of a run on the made forest says of its picture, were the data those of `section`.
class ExportedPicture : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    train_run("run", R"(
name: forest
device: cpu
threads: 1
data: {source: forest, count: 24, size: 16, split: {validation: 0.2, group: scene}}
model: {backbone: {type: unet, width: 2, depth: 2}}
tasks: {height: {type: dense_regression, target: height, head: {type: unet_decoder}}}
train: {epochs: 1}
tracking: {tensorboard: false}
)",
              {});
  }
  std::string input(const std::string& section) const {
    auto session =
        open_model(read_run_configuration(path("run")), load_checkpoint(find_checkpoint(path("run"), "best")));
    if (!section.empty()) session.experiment.data = parse_yaml(section, "data.yaml");
    return export_torchscript(session, path("model.pt")).inputs.at(0);
  }
};

TEST_F(ExportedPicture, says_in_which_units_its_pixels_are) {
  EXPECT_EQ(input(""), "image: [N, 2, 16, 16], backscatter in dB, NaN where missing");
  EXPECT_THAT(input("{source: forest, domain: linear}"), HasSubstr("backscatter as linear power, NaN where missing"));
  const auto raster = [&](const std::string& inputs) { return input("{source: raster, inputs: [" + inputs + "]}"); };
  EXPECT_THAT(raster("{file: a, domain: db}, {file: b, domain: power}"), HasSubstr("], backscatter in dB, NaN where"));
  EXPECT_THAT(raster("{file: a}"), HasSubstr("], values after scale and offset, NaN where missing"));
  EXPECT_THAT(raster("{file: a, domain: db}, {file: b, domain: plain}"),
              HasSubstr("], backscatter in dB, other bands after scale and offset, NaN where missing"));
  EXPECT_THAT(input("{source: arrays}"), HasSubstr("values as in the data, NaN where missing"));
}

}  // namespace
}  // namespace polytask
