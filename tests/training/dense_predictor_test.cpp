#include <training/layer_source.h>
#include <training/run_fixture.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DensePredictorTest : public RunTest {};

// No table holds them.
TEST_F(DensePredictorTest, MapsAreRefusedInATable) {
  register_layer_source();
  train_run("run", R"(
name: maps
device: cpu
threads: 1
data: {source: layered, count: 12, batch_size: 4, split: {validation: 0.25}}
model: {backbone: {type: unet, width: 2, depth: 1}}
tasks:
  cover: {type: segmentation, target: cover, head: {type: unet_decoder}}
  near: {type: dense_regression, target: near, head: {type: unet_decoder}}
train: {epochs: 1}
tracking: {tensorboard: false}
)",
            {});
  Predictor predictor(path("run"));
  const auto predictions = predictor.predict(at::rand({3, 2, 8, 8}));
  EXPECT_EQ(predictions.task("cover").values.sizes(), (std::vector<int64_t>{3, 2, 8, 8}));
  EXPECT_TRUE(predictions.task("near").is_map());
  EXPECT_THAT(refusal_of([&] { predictions.task("cover").label(0); }), HasSubstr("\"cover\" predicts maps"));
  const auto no_place = AllOf(HasSubstr("task \"cover\" predicts a value per pixel"), HasSubstr("raster or forest"));
  EXPECT_THAT(refusal_of([&] { require_table(predictor.session()); }), no_place);
  for (const char* file : {"p.csv", "p.json"}) {
    EXPECT_THAT(refusal_of([&] { write_predictions(path(file), predictions); }), no_place);
    EXPECT_FALSE(std::filesystem::exists(path(file)));
  }
}

}  // namespace
}  // namespace polytask
