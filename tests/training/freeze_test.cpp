#include <training/run_fixture.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

const std::string kLenet = "{type: lenet, channels: [4], kernel: 3, features: 8, batch_norm: true}";
const std::string kResnet = "{type: resnet18, widths: [2, 2, 2, 4], stem: small}";

// A run whose whole encoder is frozen in its second epoch.
std::vector<std::string> frozen_in_the_second(const std::string& backbone, const std::string& method) {
  return {"model={input: scene, backbone: {type: interrupting, inner: " + backbone +
              "}, freeze: [{pattern: 'backbone.*', from: 1, to: 2}]}",
          "tasks={light: {type: classification, target: light}, level: {type: regression, target: level}}",
          "balancing={method: " + method + "}",
          "optimizer={type: adamw, lr: 5e-3, weight_decay: 0.1}",
          "train.epochs=3",
          "data.count=64"};
}

class Freezing : public RunTest {
 protected:
  // The checkpoint after so many epochs of the same training.
  Checkpoint after(int64_t epochs, const std::vector<std::string>& overrides, const std::string& name) {
    auto all = overrides;
    all.push_back("train.epochs=" + std::to_string(epochs));
    const std::string run = name + std::to_string(epochs);
    train_run(run, two_inputs_experiment(), all);
    return last(run);
  }
};

// Parts of the state that are the encoder's: parameters, running statistics, moments, counts of steps.
size_t count_changed(const NamedTensors& a, const NamedTensors& b) {
  size_t changed = 0;
  for (const auto& [name, tensor] : a) changed += tensor.equal(b.at(name)) ? 0 : 1;
  return changed;
}

TEST_F(Freezing, NothingOfTheEncoderMovesWhileItIsFrozenAndAllOfItAfter) {
  const std::pair<std::string, std::string> cases[] = {
      {kLenet, "uncertainty"}, {kLenet, "upgrad"}, {kLenet, "mgda"}, {kResnet, "equal"}};
  for (const auto& [backbone, method] : cases) {
    SCOPED_TRACE(method);
    const auto overrides = frozen_in_the_second(backbone, method);
    const std::string name = method + "-" + backbone.substr(7, 5);
    const auto first = after(1, overrides, name), second = after(2, overrides, name), third = after(3, overrides, name);
    const auto model = first.part("model.backbone.");
    ASSERT_GT(model.count("inner.bn1.running_mean"), 0U);
    EXPECT_EQ(count_changed(model, second.part("model.backbone.")), 0U);
    EXPECT_EQ(count_changed(second.part("model.backbone."), third.part("model.backbone.")), model.size());
    const auto optimizer = first.part("optimizer.backbone.");
    ASSERT_FALSE(optimizer.empty());
    EXPECT_EQ(count_changed(optimizer, second.part("optimizer.backbone.")), 0U);
    EXPECT_EQ(count_changed(second.part("optimizer.backbone."), third.part("optimizer.backbone.")), optimizer.size());
    EXPECT_EQ(count_changed(first.part("model.heads."), second.part("model.heads.")),
              first.part("model.heads.").size());
  }
}

TEST_F(Freezing, RunsResumeBitForBitAcrossItsBounds) {
  for (const std::string method : {"uncertainty", "upgrad", "mgda", "famo"}) {
    const auto overrides = frozen_in_the_second(kLenet, method);
    train_run(method, two_inputs_experiment(), overrides);
    for (const int64_t at : {2, 4, 7}) {  // three steps an epoch: the last before, the middle of, the middle after
      SCOPED_TRACE(method + " " + std::to_string(at));
      const std::string name = method + "-" + std::to_string(at);
      train_with_a_break(name, two_inputs_experiment(), overrides, at);
      expect_same_state(last(name), last(method));
    }
  }
}

TEST_F(Freezing, LettingGoOfNormalisationAloneKeepsTheRestLearning) {
  const std::vector<std::string> overrides = {
      "model={input: scene, backbone: " + kLenet + ", freeze: ['backbone.bn*', 'backbone.features.bn.*']}",
      "tasks={light: {type: classification, target: light}, level: {type: regression, target: level}}"};
  for (const std::string method : {"equal", "upgrad"}) {
    SCOPED_TRACE(method);
    auto all = overrides;
    all.push_back("balancing={method: " + method + "}");
    const auto before = open_session(resolve_experiment(configuration(two_inputs_experiment(), all))).model->state();
    train_run(method, two_inputs_experiment(), all);
    for (const auto& [name, tensor] : last(method).part("model.backbone.")) {
      const bool norm = name.find("bn") != std::string::npos;
      EXPECT_EQ(tensor.equal(before.at("backbone." + name)), norm) << name;
    }
  }
}

}  // namespace
}  // namespace polytask
