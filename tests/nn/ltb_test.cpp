#include "sharing_support.h"

#include <polytask/nn/sharing/ltb.h>

#include <cmath>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string section(const std::string& backbone, const std::string& more = "") {
  return "{sharing: ltb, " + backbone + more + "}";
}

// A model past its warm-up.
std::shared_ptr<Model> branching_model(const std::string& backbone, const InputShape& shape,
                                       const std::vector<std::string>& tasks = {"a", "b", "c"}, uint64_t seed = 1) {
  auto model = sharing_model(section(backbone), shape, tasks, seed);
  model->begin_epoch(50, 100);
  return model;
}

void set(Model& model, const std::string& name, const at::Tensor& value) {
  const torch::NoGradGuard no_grad;
  model.state().at(name).copy_(value);
}

// Gives the tasks' first layers values of their own.
void scatter(Model& model) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : model.state())
    if (name.rfind("encoders.", 0) == 0 && name.find("weight") != std::string::npos) tensor.normal_();
}

TEST(Ltb, WorksOnEveryStagedBackboneInEveryPhase) {
  for (const bool later : {false, true}) {
    for (const auto& [backbone, shape, levels] : {std::tuple<const char*, InputShape, size_t>{kTinyMlp, {7}, 3},
                                                  {kTinyLenet, {1, 12, 13}, 3},
                                                  {kTinyResnet, {2, 17, 16}, 5}}) {
      const auto model = sharing_model(section(backbone), shape);
      if (later) model->begin_epoch(50, 100);
      expect_outputs(*model, shape, levels);
    }
  }
}

TEST(Ltb, EvaluationReadsTheMostLikelySource) {
  const auto model = branching_model("backbone: {type: mlp, hidden: [3, 2], activation: tanh}", {4}, {"a", "b"});
  scatter(*model);
  set(*model, "branching.hidden2", at::tensor({0.0F, 1.0F, 0.5F, 0.2F}).reshape({2, 2}));  // a reads b, b reads a
  model->eval();
  const NamedTensors s = model->state();
  const at::Tensor x = at::randn({5, 4});
  const auto layer = [&](const std::string& task, int i, const at::Tensor& z) {
    const std::string name = fmt::format("encoders.{}.hidden.{}.fc.", task, i);
    return at::tanh(z.matmul(s.at(name + "weight").t()) + s.at(name + "bias"));
  };
  const auto features = model->represent({{"x", x}});
  EXPECT_TRUE(at::allclose(features[0][1], layer("a", 1, layer("b", 0, x)), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(features[1][1], layer("b", 1, layer("a", 0, x)), 1e-5, 1e-6));
  EXPECT_TRUE(at::equal(model->represent({{"x", x}})[0][1], features[0][1]));
}

TEST(Ltb, WarmUpReadsTheMeanOrTheSum) {
  for (const bool sum : {false, true}) {
    const auto model = sharing_model(
        section("backbone: {type: mlp, hidden: [3, 2], activation: tanh}", sum ? ", warm_up_mix: sum" : ""), {4},
        {"a", "b"});
    scatter(*model);
    const NamedTensors s = model->state();
    const auto features = model->represent({{"x", at::randn({5, 4})}});
    const at::Tensor all = (features[0][0] + features[1][0]) * (sum ? 1 : 0.5);
    const at::Tensor expected =
        at::tanh(all.matmul(s.at("encoders.b.hidden.1.fc.weight").t()) + s.at("encoders.b.hidden.1.fc.bias"));
    EXPECT_TRUE(at::allclose(features[1][1], expected, 1e-5, 1e-6));
  }
}

TEST(Ltb, TrainingDrawsFromTheDefaultGenerator) {
  const auto model = branching_model(kTinyMlp, {4});
  scatter(*model);
  const at::Tensor x = at::randn({6, 4});
  const auto draw = [&](uint64_t seed) {
    seed_torch(seed, "test");
    return at::cat(model->forward({{"x", x}}), 1);
  };
  EXPECT_TRUE(at::equal(draw(1), draw(1)));
  int different = 0;
  for (uint64_t seed = 2; seed < 8; ++seed) different += at::equal(draw(1), draw(seed)) ? 0 : 1;
  EXPECT_GT(different, 0);
}

TEST(Ltb, ScheduleIsThatOfTheEpochs) {
  Ltb model({create_staged_backbone(yaml("{type: mlp}"), {4}, "ltb"),
             create_staged_backbone(yaml("{type: mlp}"), {4}, "ltb")},
            heads_for({"a", "b"}), 1, LtbOptions{});
  const auto warming_up = [&] { return model.state().at("branching.warming_up").item<int64_t>(); };
  EXPECT_EQ(warming_up(), 1);
  model.begin_epoch(1, 200);
  EXPECT_EQ(warming_up(), 1);
  model.begin_epoch(2, 200);
  EXPECT_EQ(warming_up(), 0);
  EXPECT_DOUBLE_EQ(model.temperature(), 10 / std::sqrt(3.0));
  model.begin_epoch(3, 5);  // a twentieth of 5 epochs would be too cold
  EXPECT_DOUBLE_EQ(model.temperature(), 0.5);
}

TEST(Ltb, ALoadedModelEvaluatesAsTheSavedOne) {
  const auto saved = branching_model(kTinyLenet, {1, 12, 12});
  scatter(*saved);
  const auto loaded = sharing_model(section(kTinyLenet), {1, 12, 12}, {"a", "b", "c"}, 2);  // still to warm up
  expect_state_round_trip(*saved, *loaded, {1, 12, 12});
  const at::Tensor x = at::randn({3, 1, 12, 12});
  const at::Tensor chosen = loaded->forward({{"x", x}})[0];
  loaded->begin_epoch(0, 100);
  EXPECT_FALSE(at::equal(loaded->forward({{"x", x}})[0], chosen));
}

TEST(Ltb, StraightThroughHasTheSoftGradient) {
  const at::Tensor logits = at::randn({3, 4}, at::kDouble).requires_grad_(true), noise = at::randn({3, 4}, at::kDouble);
  const at::Tensor r = at::randn({3, 4}, at::kDouble);
  const at::Tensor hard = straight_through_choice(logits, noise, 0.7);
  EXPECT_TRUE(at::allclose(hard.sum(1), at::ones({3}, at::kDouble)));
  EXPECT_TRUE(at::equal(hard.argmax(1), (logits + noise).argmax(1)));
  EXPECT_NEAR(hard.detach().amax(1).min().item<double>(), 1, 1e-12);
  (hard * r).sum().backward();
  const at::Tensor p = at::softmax((logits.detach() + noise) / 0.7, 1);
  const at::Tensor expected = p * (r - (p * r).sum(1, true)) / 0.7;
  EXPECT_TRUE(at::allclose(logits.grad(), expected, 1e-10, 1e-12));
}

TEST(Ltb, HasExactGradientsWhereNothingIsDrawn) {
  const auto model = sharing_model(section("backbone: {type: mlp, hidden: [4, 3], activation: tanh}"), {4}, {"a", "b"});
  std::vector<at::Tensor> networks;
  model->to(at::kDouble);
  const at::Tensor x = at::randn({4, 4}, at::kDouble), r = at::randn({4, 1}, at::kDouble);
  for (auto& child : model->named_children())
    if (child.key() == "encoders")
      expect_exact_gradients(*child.value(), x, [&] {
        const auto outputs = model->forward({{"x", x}});
        return (outputs[0] * r).sum() + (outputs[1] * r).sum();
      });
}

TEST(Ltb, NetworksAndLogitsAreShared) {
  const auto model = branching_model(kTinyMlp, {4});
  expect_all_parameters_listed(*model);
  for (const auto& p : model->model_parameters())
    EXPECT_EQ(p.role == Role::shared, p.name.rfind("heads.", 0) != 0) << p.name;
  at::Tensor loss = at::zeros({});
  for (const auto& output : model->forward({{"x", at::randn({6, 4})}})) loss = loss + output.square().sum();
  loss.backward();
  EXPECT_GT(model->state().at("branching.hidden2").grad().abs().sum().item<double>(), 0);
}

TEST(Ltb, ASingleTaskIsItsNetworkAlone) {
  const auto model = branching_model(kTinyMlp, {4}, {"a"});
  const auto alone = sharing_model(std::string("{") + kTinyMlp + "}", {4}, {"a"});
  const at::Tensor x = at::randn({3, 4});
  EXPECT_TRUE(at::equal(model->forward({{"x", x}})[0], alone->forward({{"x", x}})[0]));
  EXPECT_EQ(model->parameters().size(), alone->parameters().size());
}

TEST(Ltb, IsTraceableInEveryPhase) {
  expect_traceable(*sharing_model(section(kTinyResnet), {1, 15, 16}), {1, 15, 16});
  expect_traceable(*branching_model(kTinyResnet, {1, 15, 16}), {1, 15, 16});
}

TEST(Ltb, RefusesASingleStage) {
  EXPECT_THAT(input_error([] { sharing_model(section("backbone: {type: mlp, hidden: [4]}"), {4}); }),
              AllOf(HasSubstr("only one"), HasSubstr("hidden1")));
  EXPECT_THAT(input_error([] { sharing_model(section(kTinyMlp, ", temperature: 0"), {4}); }), HasSubstr("> 0"));
}

}  // namespace
}  // namespace polytask
