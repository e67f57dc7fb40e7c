#include "support.h"

#include <polytask/nn/sharing/hard.h>

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kLenet = "{backbone: {type: lenet, channels: [3, 4], kernel: 3, features: 6, batch_norm: true}}";

std::shared_ptr<Model> lenet_model(const std::vector<std::string>& tasks, uint64_t seed = 1,
                                   const std::string& section = kLenet) {
  std::vector<TaskHead> heads;
  for (const auto& task : tasks) heads.push_back({task, 2, {}});
  return create_model(yaml(section), context_of({1, 12, 12}, heads, seed));
}

std::shared_ptr<Model> mlp_model(const std::string& section = "{backbone: {type: mlp, hidden: [5]}}") {
  return create_model(yaml(section), context_of({4}, {{"a", 3, {}}, {"b", 1, yaml("{type: mlp, hidden: [6]}")}}));
}

TEST(HardSharing, GivesEachTaskItsOutput) {
  const auto model = mlp_model();
  EXPECT_THAT(model->tasks(), ElementsAre("a", "b"));
  const at::Tensor x = at::randn({7, 4});
  const auto outputs = model->forward({{"x", x}});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[0].sizes(), (std::vector<int64_t>{7, 3}));
  EXPECT_EQ(outputs[1].sizes(), (std::vector<int64_t>{7, 1}));
  const auto features = model->represent({{"x", x}});
  ASSERT_EQ(features.size(), 1U);
  EXPECT_TRUE(at::equal(model->decode(1, features[0], {}), outputs[1]));
}

TEST(HardSharing, KnowsWhoseEachParameterIs) {
  const auto model = mlp_model("{backbone: {type: mlp, hidden: [5]}, shared_layer: {size: 4}}");
  std::vector<std::string> lines;
  for (const auto& p : model->model_parameters())
    lines.push_back(fmt::format("{} {} {}", p.name, p.role == Role::shared ? "shared" : "task", p.task));
  EXPECT_THAT(lines,
              ElementsAre("backbone.hidden.0.fc.weight shared -1", "backbone.hidden.0.fc.bias shared -1",
                          "shared_layer.fc.weight shared -1", "shared_layer.fc.bias shared -1",
                          "heads.a.fc.weight task 0", "heads.a.fc.bias task 0", "heads.b.hidden.0.fc.weight task 1",
                          "heads.b.hidden.0.fc.bias task 1", "heads.b.fc.weight task 1", "heads.b.fc.bias task 1"));
  EXPECT_EQ(lines.size(), model->parameters().size());
  const NamedTensors state = model->state();
  for (const auto& p : model->model_parameters()) EXPECT_TRUE(state.at(p.name).is_same(p.tensor)) << p.name;
}

TEST(HardSharing, SharedLayerFeedsTheHeads) {
  const auto model = mlp_model("{backbone: {type: mlp, hidden: [5]}, shared_layer: {size: 4, activation: tanh}}");
  const auto features = model->represent({{"x", at::randn({2, 4})}})[0];
  ASSERT_EQ(features.size(), 2U);
  const NamedTensors s = model->state();
  const at::Tensor expected =
      at::tanh(features[0].matmul(s.at("shared_layer.fc.weight").t()) + s.at("shared_layer.fc.bias"));
  EXPECT_TRUE(at::allclose(features[1], expected, 1e-5, 1e-6));
  EXPECT_EQ(s.at("heads.a.fc.weight").size(1), 4);
}

TEST(HardSharing, NamesTheLastSharedLayer) {
  EXPECT_EQ(mlp_model()->last_shared_layer(), "backbone.hidden.0.fc");
  EXPECT_EQ(mlp_model("{backbone: {type: mlp}, shared_layer: {size: 4}}")->last_shared_layer(), "shared_layer");
  EXPECT_EQ(lenet_model({"a"})->last_shared_layer(), "backbone.features.fc");
  const auto resnet =
      create_model(yaml("{backbone: {type: resnet18, widths: [2, 2, 2, 2]}}"), context_of({1, 32, 32}, {{"a", 2, {}}}));
  EXPECT_EQ(resnet->last_shared_layer(), "backbone.layer4.1.conv2");
}

void expect_equal_below(const NamedTensors& a, const NamedTensors& b, const std::string& prefix, bool equal) {
  size_t compared = 0;
  for (const auto& [name, tensor] : a) {
    if (name.rfind(prefix, 0) != 0 || name.find("weight") == std::string::npos || name.find("bn") != std::string::npos)
      continue;
    EXPECT_EQ(at::equal(tensor, b.at(name)), equal) << name;
    ++compared;
  }
  EXPECT_GT(compared, 0U) << prefix;
}

TEST(HardSharing, AnAddedTaskChangesNoOther) {
  const NamedTensors two = lenet_model({"digit", "parity"})->state();
  const NamedTensors three = lenet_model({"sum", "parity", "digit"})->state();
  for (const char* part : {"backbone.", "heads.digit.", "heads.parity."}) expect_equal_below(two, three, part, true);
  EXPECT_FALSE(at::equal(two.at("heads.digit.fc.weight"), two.at("heads.parity.fc.weight")));
}

TEST(HardSharing, TheSeedDecides) {
  const NamedTensors one = lenet_model({"a"}, 1)->state();
  at::rand({17});  // draws elsewhere do not matter
  expect_equal_below(one, lenet_model({"a"}, 1)->state(), "", true);
  const NamedTensors two = lenet_model({"a"}, 2)->state();
  expect_equal_below(one, two, "backbone.", false);
  expect_equal_below(one, two, "heads.", false);
}

TEST(HardSharing, ASharedLayerDoesNotChangeTheBackbone) {
  const NamedTensors without = mlp_model()->state();
  const NamedTensors with = mlp_model("{backbone: {type: mlp, hidden: [5]}, shared_layer: {size: 5}}")->state();
  expect_equal_below(without, with, "", true);
}

TEST(HardSharing, RefusesTaskNames) {
  for (const char* name : {"", "a.b", "a b", "größe"})
    EXPECT_THAT(input_error([&] { lenet_model({name}); }), HasSubstr("letters, digits, _ and -")) << name;
  EXPECT_THAT(input_error([] { lenet_model({"a", "a"}); }), HasSubstr("twice"));
  EXPECT_THAT(input_error([] { lenet_model({}); }), HasSubstr("at least one task"));
  EXPECT_EQ(lenet_model({"sum-of_2"})->tasks().size(), 1U);
}

TEST(HardSharing, RefusesAHeadThatCannotBeFed) {
  const auto make = [](const std::string& head) {
    Node node = yaml(head);
    node.path = "tasks.digit.head";
    create_model(yaml(kLenet), context_of({1, 12, 12}, {{"digit", 10, node}}));
  };
  EXPECT_THAT(input_error([&] { make("{type: linear, level: layer4}"); }),
              AllOf(HasSubstr("tasks.digit.head"), HasSubstr("\"layer4\""), HasSubstr("conv2 (4 channels, stride 4)")));
  EXPECT_THAT(input_error([&] { make("{type: linear, level: conv1, pool: none}"); }),
              HasSubstr("features (vector of 6)"));
  EXPECT_THAT(input_error([] {
                create_model(yaml(kLenet), context_of({1, 12, 12}, {{"digit", 0, {}}}));
              }),
              AllOf(HasSubstr("tasks.digit.head"), HasSubstr("at least one output")));
}

TEST(HardSharing, ChoosesItsInputByName) {
  ModelContext context = context_of({4}, {{"a", 1, {}}});
  context.input_shapes["image"] = {1, 12, 12};
  const auto make = [&](const std::string& section) { return create_model(yaml(section), context); };
  EXPECT_THAT(input_error([&] { make("{backbone: {type: mlp}}"); }), HasSubstr("2 inputs (image, x)"));
  EXPECT_THAT(input_error([&] { make("{backbone: {type: mlp}, input: images}"); }),
              HasSubstr("did you mean \"image\""));
  const auto model = make("{backbone: {type: lenet, kernel: 3, channels: [2, 2]}, input: image}");
  const NamedTensors both = {{"x", at::randn({2, 4})}, {"image", at::randn({2, 1, 12, 12})}};
  EXPECT_EQ(model->forward(both)[0].size(0), 2);
  EXPECT_THAT(input_error([&] {
                model->forward({{"x", at::randn({2, 4})}});
              }),
              AllOf(HasSubstr("\"image\""), HasSubstr("has x")));
  context.input_shapes.clear();
  EXPECT_THAT(input_error([&] { make("{backbone: {type: mlp}}"); }), HasSubstr("offers no input"));
}

TEST(MakeHardModel, TakesAnyModuleAsBackbone) {
  auto linear = std::make_shared<torch::nn::LinearImpl>(4, 3);
  const auto model = make_hard_model(wrap_backbone(linear, 3), {{"a", 2, {}}, {"b", 1, {}}}, 7);
  const at::Tensor x = at::randn({5, 4});
  const auto outputs = model->forward({{"anything", x}});
  EXPECT_EQ(outputs[0].sizes(), (std::vector<int64_t>{5, 2}));
  EXPECT_TRUE(model->state().at("backbone.module.weight").is_same(linear->weight));
  const auto again = make_hard_model(wrap_backbone(linear, 3), {{"b", 1, {}}}, 7);
  EXPECT_TRUE(at::equal(again->forward({{"x", x}})[0], outputs[1]));
  EXPECT_THAT(input_error([&] { model->forward({{"x", x}, {"y", x}}); }), HasSubstr("exactly one input"));
}

TEST(MakeHardModel, WrappedMapsArePooledAndTakeNoSharedLayer) {
  const auto conv = std::make_shared<torch::nn::Conv2dImpl>(torch::nn::Conv2dOptions(1, 3, 2).stride(2));
  const auto model = make_hard_model(wrap_backbone(conv, 3, 2), {{"a", 2, {}}});
  EXPECT_EQ(model->forward({{"x", at::randn({5, 1, 8, 8})}})[0].size(1), 2);
  SharedLayerOptions layer;
  layer.size = 4;
  EXPECT_THAT(input_error([&] {
                make_hard_model(wrap_backbone(conv, 3, 2), {{"a", 2, {}}}, 1, layer);
              }),
              AllOf(HasSubstr("must be a vector"), HasSubstr("features (3 channels, stride 2)")));
}

TEST(Model, StateMakesTheRoundTrip) {
  const auto model = lenet_model({"a", "b"}, 1), other = lenet_model({"a", "b"}, 2);
  const NamedTensors input = {{"x", at::randn({4, 1, 12, 12})}};
  model->forward(input);  // moves the running statistics
  other->load_state(model->state(), "file");
  for (const auto& [name, tensor] : model->state()) {
    EXPECT_TRUE(at::equal(tensor, other->state().at(name))) << name;
    EXPECT_FALSE(tensor.is_same(other->state().at(name))) << name;
  }
  model->eval();
  other->eval();
  EXPECT_TRUE(at::equal(model->forward(input)[1], other->forward(input)[1]));
  EXPECT_EQ(model->state().at("backbone.bn1.num_batches_tracked").item<int64_t>(), 1);
}

TEST(Model, LoadStateNamesEveryDifferenceAndChangesNothing) {
  const auto model = mlp_model();
  NamedTensors state;
  for (const auto& [name, tensor] : model->state()) state[name] = tensor.detach().clone() + 1;
  state.erase("heads.a.fc.bias");
  state["heads.c.fc.bias"] = at::zeros({2});
  state["heads.a.fc.weight"] = at::zeros({3, 9});
  const at::Tensor before = model->state().at("backbone.hidden.0.fc.weight").detach().clone();
  EXPECT_THAT(
      input_error([&] { model->load_state(state, "last.safetensors"); }),
      AllOf(HasSubstr("last.safetensors: this is the state of another model"),
            HasSubstr("missing in the file: heads.a.fc.bias"), HasSubstr("unknown to the model: heads.c.fc.bias"),
            HasSubstr("heads.a.fc.weight ([3, 9] in the file, [3, 5] in the model)")));
  EXPECT_TRUE(at::equal(model->state().at("backbone.hidden.0.fc.weight"), before));
}

TEST(Model, LoadStateNamesTheFirstTen) {
  const auto model = mlp_model();
  NamedTensors state = model->state();
  for (int i = 0; i < 12; ++i) state[fmt::format("z{:02}", i)] = at::zeros({1});
  const std::string message = input_error([&] { model->load_state(state, "f"); });
  EXPECT_THAT(message, AllOf(HasSubstr("z09"), HasSubstr("(12 in all)"), testing::Not(HasSubstr("z10"))));
}

TEST(Model, TracesForAnyBatchSize) {
  for (const char* section :
       {"{backbone: {type: mlp, activation: gelu, batch_norm: true}, shared_layer: {size: 9, dropout: 0.5}}",
        "{backbone: {type: lenet, channels: [3, 4], kernel: 3, batch_norm: true}}",
        "{backbone: {type: resnet18, widths: [2, 3, 4, 5], stem: small}}"}) {
    const auto model =
        create_model(yaml(section), context_of({1, 12, 12}, {{"a", 3, {}}, {"b", 1, yaml("{type: mlp}")}}));
    model->eval();
    for (auto& p : model->parameters()) p.requires_grad_(false);
    const auto run = [&](torch::jit::Stack inputs) -> torch::jit::Stack {
      const auto outputs = model->forward({{"x", inputs.at(0).toTensor()}});
      return {outputs[0], outputs[1]};
    };
    const auto traced =
        torch::jit::tracer::trace({at::randn({3, 1, 12, 12})}, run, [](const at::Tensor&) { return std::string(); });
    torch::jit::GraphExecutor executor(traced.first->graph, "forward");
    const at::Tensor x = at::randn({5, 1, 12, 12});
    torch::jit::Stack stack = {x};
    executor.run(stack);
    const auto expected = model->forward({{"x", x}});
    for (size_t t = 0; t < 2; ++t)
      EXPECT_TRUE(at::allclose(stack.at(t).toTensor(), expected[t], 1e-5, 1e-6)) << section;
  }
}

TEST(ResolveModelSection, WritesDefaultsAndIsIdempotent) {
  const Node resolved =
      resolve_model_section(yaml("{backbone: {type: mlp}, freeze: [backbone.*, {pattern: x, to: 3}]}"));
  EXPECT_EQ(write_yaml(resolve_model_section(resolved)), write_yaml(resolved));
  EXPECT_EQ(resolved.text_or("sharing", ""), "hard");
  EXPECT_EQ(resolved.find("backbone")->text_or("activation", ""), "relu");
  EXPECT_EQ(resolved.find("shared_layer")->text_or("size", ""), "0");
  EXPECT_EQ(resolved.find("weights")->text_or("strict", ""), "true");
  EXPECT_EQ(resolved.find("freeze")->items()[1].text_or("to", ""), "3");
  EXPECT_EQ(write_yaml(resolve_model_section(yaml(write_yaml(resolved)))), write_yaml(resolved));
}

TEST(ResolveModelSection, AsksForABackbone) {
  for (const Node& section : {Node(), yaml("{sharing: hard}"), yaml("{backbone: null}")})
    EXPECT_THAT(input_error([&] { resolve_model_section(section); }),
                AllOf(HasSubstr("model.backbone"), HasSubstr("mlp, lenet, resnet18, resnet34")));
}

TEST(ResolveModelSection, RefusesUnknownKeys) {
  const auto resolve = [](const std::string& text) { return input_error([&] { resolve_model_section(yaml(text)); }); };
  EXPECT_THAT(resolve("{backbone: {type: mlp}, weight: {}}"), HasSubstr("did you mean \"weights\""));
  EXPECT_THAT(resolve("{sharing: hart, backbone: {type: mlp}}"), HasSubstr("did you mean \"hard\""));
  EXPECT_THAT(resolve("{backbone: {type: mlp, hiden: [3]}}"), HasSubstr("did you mean \"hidden\""));
  EXPECT_THAT(resolve("{backbone: {type: mlp}, weights: {file: x}}"), HasSubstr("unknown key"));
  EXPECT_THAT(resolve("[1, 2]"), HasSubstr("expected a map"));
}

}  // namespace
}  // namespace polytask
