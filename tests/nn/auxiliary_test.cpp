#include "support.h"

#include <polytask/nn/heads/auxiliary.h>

#include <torch/csrc/autograd/autograd.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kBackbone = "{backbone: {type: lenet, channels: [3], kernel: 3, features: 5}}";
const std::string kTurnHead =
    "{type: mlp, hidden: [6], activation: tanh, auxiliary: {input: route, hidden: [4, 3], activation: tanh}}";

ModelContext context(const std::string& turn_head = kTurnHead) {
  ModelContext result;
  result.input_shapes = {{"scene", {1, 8, 8}}, {"route", {2}}, {"past", {4, 2, 1}}};
  result.tasks = {{"turn", 3, yaml(turn_head)}, {"ahead", 2, {}}};
  return result;
}

std::shared_ptr<Model> make(const std::string& turn_head = kTurnHead) {
  return create_model(yaml("{input: scene, " + kBackbone.substr(1)), context(turn_head));
}

NamedTensors inputs(int64_t n = 4) {
  return {{"scene", at::randn({n, 1, 8, 8})}, {"route", at::randn({n, 2})}, {"past", at::randn({n, 4, 2, 1})}};
}

std::string refused(const std::string& turn_head) {
  return input_error([&] { make(turn_head); });
}

TEST(AuxiliaryHead, JoinsItsInputToTheFeatures) {
  const auto model = make();
  const NamedTensors x = inputs();
  const auto outputs = model->forward(x);
  EXPECT_EQ(outputs[0].sizes(), (std::vector<int64_t>{4, 3}));
  EXPECT_EQ(outputs[1].sizes(), (std::vector<int64_t>{4, 2}));
  const NamedTensors s = model->state();
  const auto dense = [&](const at::Tensor& v, const std::string& name) {
    return v.matmul(s.at("heads.turn." + name + ".weight").t()) + s.at("heads.turn." + name + ".bias");
  };
  const at::Tensor features = model->represent(x)[0].back();
  at::Tensor route = at::tanh(dense(x.at("route"), "auxiliary.route.0.fc"));
  route = at::tanh(dense(route, "auxiliary.route.1.fc"));
  const at::Tensor hidden = at::tanh(dense(at::cat({features, route}, 1), "head.hidden.0.fc"));
  EXPECT_TRUE(at::allclose(outputs[0], dense(hidden, "head.fc"), 1e-5, 1e-6));
}

TEST(AuxiliaryHead, SeveralInputsComeInTheirOrderAndUnencodedOnesFlattened) {
  const auto model = make("{type: linear, auxiliary: [{input: past}, {input: route, hidden: [4], activation: tanh}]}");
  const NamedTensors x = inputs(), s = model->state();
  EXPECT_EQ(s.at("heads.turn.head.fc.weight").sizes(), (std::vector<int64_t>{3, 5 + 8 + 4}));
  const at::Tensor route = at::tanh(x.at("route").matmul(s.at("heads.turn.auxiliary.route.0.fc.weight").t()) +
                                    s.at("heads.turn.auxiliary.route.0.fc.bias"));
  const at::Tensor joined = at::cat({model->represent(x)[0].back(), x.at("past").reshape({4, 8}), route}, 1);
  const at::Tensor expected = joined.matmul(s.at("heads.turn.head.fc.weight").t()) + s.at("heads.turn.head.fc.bias");
  EXPECT_TRUE(at::allclose(model->forward(x)[0], expected, 1e-5, 1e-6));
}

TEST(AuxiliaryHead, PoolsASpatialLevelFirst) {
  const auto model = make("{type: linear, level: conv1, pool: max, auxiliary: {input: route}}");
  const NamedTensors x = inputs(), s = model->state();
  const at::Tensor joined = at::cat({model->represent(x)[0][0].amax({2, 3}), x.at("route")}, 1);
  const at::Tensor expected = joined.matmul(s.at("heads.turn.head.fc.weight").t()) + s.at("heads.turn.head.fc.bias");
  EXPECT_TRUE(at::allclose(model->forward(x)[0], expected, 1e-5, 1e-6));
}

TEST(AuxiliaryHead, ItsParametersAreItsTasks) {
  const auto model = make();
  std::vector<std::string> names;
  for (const auto& p : model->model_parameters()) {
    if (p.name.rfind("heads.turn.", 0) != 0) continue;
    EXPECT_EQ(p.role, Role::task);
    EXPECT_EQ(p.task, 0);
    if (p.tensor.dim() == 2) names.push_back(p.name.substr(11));
  }
  EXPECT_THAT(names, ElementsAre("auxiliary.route.0.fc.weight", "auxiliary.route.1.fc.weight",
                                 "head.hidden.0.fc.weight", "head.fc.weight"));
}

TEST(AuxiliaryHead, IsTheOnlyOneThatSeesItsInput) {
  const auto model = make();
  NamedTensors x = inputs();
  x["route"].requires_grad_(true);
  const auto outputs = model->forward(x);
  const auto by_route = [&](const at::Tensor& output) {
    return torch::autograd::grad({output.square().sum()}, {x.at("route")}, {}, true, false, /*allow_unused=*/true)[0];
  };
  ASSERT_TRUE(by_route(outputs[0]).defined());
  EXPECT_GT(by_route(outputs[0]).abs().min().item<double>(), 0);
  EXPECT_FALSE(by_route(outputs[1]).defined());
  const auto features = model->represent(x);
  for (const auto& level : features[0]) EXPECT_FALSE(by_route(level).defined());
  NamedTensors other = x;
  other["route"] = at::randn({4, 2});
  const auto changed = model->forward(other);
  EXPECT_FALSE(at::equal(changed[0], outputs[0]));
  EXPECT_TRUE(at::equal(changed[1], outputs[1]));
}

TEST(AuxiliaryHead, LeavesTheTrunkTheInputThatNoHeadTakes) {
  ModelContext two = context();
  two.input_shapes.erase("past");
  const auto model = create_model(yaml(kBackbone), two);
  EXPECT_EQ(model->forward(inputs())[0].sizes(), (std::vector<int64_t>{4, 3}));
  EXPECT_THAT(input_error([] { create_model(yaml(kBackbone), context()); }),
              AllOf(HasSubstr("model.input"), HasSubstr("name the one that the backbone reads")));
}

TEST(AuxiliaryHead, OtherInputsAreNotTheTrunks) {
  const auto model = create_model(yaml("{backbone: {type: mlp, hidden: [5]}, other_inputs: [past]}"), context());
  EXPECT_EQ(model->forward(inputs())[0].sizes(), (std::vector<int64_t>{4, 3}));
}

TEST(AuxiliaryHead, GradientsAreExact) {
  const auto model = make();
  model->to(at::kDouble);
  NamedTensors x;
  for (const auto& [name, tensor] : inputs(3)) x[name] = tensor.to(at::kDouble);
  const at::Tensor target = at::randn({3, 3}, at::kDouble);
  expect_exact_gradients(*model, x["route"], [&] {
    const auto outputs = model->forward(x);
    return (outputs[0] - target).square().sum() + outputs[1].square().sum();
  });
}

TEST(AuxiliaryHead, RefusesWhatItCanNotTake) {
  EXPECT_THAT(refused("{type: linear, auxiliary: {input: rout}}"),
              AllOf(HasSubstr("auxiliary"), HasSubstr("no input \"rout\""), HasSubstr("did you mean \"route\"")));
  EXPECT_THAT(refused("{type: linear, auxiliary: [{input: route}, {input: route, hidden: [3]}]}"),
              HasSubstr("\"route\" is taken twice"));
  EXPECT_THAT(refused("{type: linear, auxiliary: route}"), HasSubstr("{input: route, hidden: [16]}"));
  EXPECT_THAT(refused("{type: linear, auxiliary: {hidden: [3]}}"), HasSubstr("input"));
  EXPECT_THAT(refused("{type: linear, auxiliary: {input: route, hidden: [0]}}"), HasSubstr("hidden"));
  EXPECT_THAT(refused("{type: linear, auxiliary: {input: route, widths: [3]}}"), HasSubstr("unknown key"));
  EXPECT_THAT(refused("{type: linear, level: conv1, pool: none, auxiliary: {input: route}}"),
              AllOf(HasSubstr("conv1"), HasSubstr("pool: avg")));
  EXPECT_THAT(refused("{type: linear, level: conv9, auxiliary: {input: route}}"), HasSubstr("conv9"));
}

// A head of whole maps, which has no vector that an input could be joined to.
class MapHead : public Head {
 public:
  at::Tensor forward(const Features& features) override { return features.front(); }
};

TEST(AuxiliaryHead, RefusesHeadsThatReadNoVector) {
  heads().add<NoOptions>("map", "of the test", "",
                         [](const NoOptions&, const HeadContext&) { return std::make_unique<MapHead>(); });
  EXPECT_THAT(refused("{type: map, auxiliary: {input: route}}"),
              AllOf(HasSubstr("one vector per sample"), HasSubstr("\"map\"")));
}

TEST(AuxiliaryHead, ABatchWithoutTheInputIsRefused) {
  const auto model = make();
  NamedTensors x = inputs();
  x.erase("route");
  EXPECT_THAT(input_error([&] { model->forward(x); }), HasSubstr("\"route\""));
}

TEST(AuxiliaryHead, ResolvesToEveryDefaultOnceAndForAll) {
  const Node resolved = resolve_head(yaml("{type: linear, auxiliary: {input: route}}"));
  const Node& option = resolved.find("auxiliary")->items().at(0);
  EXPECT_EQ(option.text_or("input", ""), "route");
  EXPECT_EQ(option.text_or("activation", ""), "relu");
  ASSERT_NE(option.find("hidden"), nullptr);
  EXPECT_TRUE(option.find("hidden")->items().empty());
  EXPECT_EQ(write_yaml(resolve_head(resolved)), write_yaml(resolved));
  const Node two = resolve_head(yaml("{type: mlp, auxiliary: [{input: route, hidden: [3]}, {input: past}]}"));
  EXPECT_EQ(two.find("auxiliary")->items().size(), 2U);
  EXPECT_EQ(write_yaml(resolve_head(two)), write_yaml(two));
  EXPECT_EQ(resolve_head(yaml("{type: linear}")).find("auxiliary"), nullptr);
}

}  // namespace
}  // namespace polytask
