#include <polytask/training/export.h>

#include <training/run_fixture.h>

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class SeveralInputs : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    train_run("run", two_inputs_experiment(), {});
  }
  static NamedTensors samples(int64_t n) {
    return {{"scene", at::randint(256, {n, 1, 12, 12}, at::kFloat)}, {"route", at::rand({n, 2})}};
  }
};

TEST_F(SeveralInputs, PredictorTakesThemByName) {
  Predictor predictor(path("run"));
  ASSERT_EQ(predictor.inputs().size(), 2U);
  EXPECT_EQ(predictor.inputs()[1].name, "route");
  const NamedTensors raw = samples(5);
  const auto predictions = predictor.predict(raw);
  EXPECT_EQ(predictions.rows.size(), 5U);
  // By the parts that the session is made of.
  const Session& session = predictor.session();
  const at::NoGradGuard no_grad;
  const auto outputs = session.model->forward({{"scene", session.preprocess[0].apply(raw.at("scene"))},
                                               {"route", session.preprocess[1].apply(raw.at("route"))}});
  for (size_t t = 0; t < 2; ++t) EXPECT_TRUE(predictions.tasks[t].values.equal(session.tasks[t]->predict(outputs[t])));
  NamedTensors other = raw;
  other["route"] = 1 - raw.at("route");
  const auto changed = predictor.predict(other);
  EXPECT_FALSE(changed.task("turn").values.equal(predictions.task("turn").values));
  EXPECT_TRUE(changed.task("level").values.equal(predictions.task("level").values));
}

TEST_F(SeveralInputs, PredictorSaysWhatDoesNotFit) {
  Predictor predictor(path("run"));
  const auto refused = [&](NamedTensors raw) { return refusal_of([&] { predictor.predict(raw); }); };
  EXPECT_THAT(refusal_of([&] { predictor.predict(samples(2).at("scene")); }),
              AllOf(HasSubstr("2 inputs (scene, route)"), HasSubstr("by name")));
  NamedTensors raw = samples(2);
  raw["rout"] = raw.at("route");
  EXPECT_THAT(refused(raw), HasSubstr("did you mean \"route\""));
  raw = samples(2);
  raw.erase("route");
  EXPECT_THAT(refused(raw), AllOf(HasSubstr("\"route\" is missing"), HasSubstr("scene, route")));
  raw = samples(2);
  raw["route"] = at::rand({2, 3});
  EXPECT_THAT(refused(raw), HasSubstr("[N, 2]"));
  raw["route"] = at::rand({3, 2});
  EXPECT_THAT(refused(raw), HasSubstr("\"route\" has 3 samples, but \"scene\" has 2"));
}

TEST_F(SeveralInputs, TorchScriptTakesOneTensorEach) {
  auto session = open_model(read_run_configuration(path("run")), load_checkpoint(find_checkpoint(path("run"), "best")));
  const auto report = export_torchscript(session, path("model.pt"));
  EXPECT_THAT(report.inputs, ElementsAre("scene: [N, 1, 12, 12], values 0…255", HasSubstr("route: [N, 2]")));
  auto module = torch::jit::load(path("model.pt"));
  const auto names = module.attr("inputs").toList();
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names.get(0).toStringRef(), "scene");
  EXPECT_EQ(names.get(1).toStringRef(), "route");
  EXPECT_THAT(module.attr("input").toStringRef(), HasSubstr("route"));
  const auto& arguments = module.get_method("forward").function().getSchema().arguments();
  ASSERT_EQ(arguments.size(), 3U);
  EXPECT_EQ(arguments[2].name(), "raw_route");
  Predictor predictor(path("run"));
  for (const int64_t n : {1, 7}) {
    const NamedTensors raw = samples(n);
    const auto expected = predictor.predict(raw);
    const auto got = module.forward({raw.at("scene"), raw.at("route")}).toTuple();
    for (size_t t = 0; t < 2; ++t)
      EXPECT_TRUE(got->elements()[t].toTensor().allclose(expected.tasks[t].values, 1e-5, 1e-5)) << n;
  }
}

}  // namespace
}  // namespace polytask
