#include "sharing_support.h"

#include <polytask/nn/sharing/ple.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string section(const std::string& backbone, const std::string& more = "") {
  return "{sharing: ple, " + backbone + more + "}";
}
const char* const kForms[] = {"", ", shared_gate: false"};

TEST(Ple, WorksOnEveryStagedBackbone) {
  for (const char* form : kForms) {
    expect_outputs(*sharing_model(section(kTinyMlp, form), {7}), {7}, 3);
    expect_outputs(*sharing_model(section(kTinyLenet, form), {1, 12, 13}), {1, 12, 13}, 3);
    expect_outputs(*sharing_model(section(kTinyResnet, form), {2, 17, 16}), {2, 17, 16}, 5);
    expect_outputs(*sharing_model(section("backbone: {type: mlp, hidden: [4]}", form), {3}, {"a"}), {3}, 1);
  }
}

TEST(Ple, ExpertsAndGatesAreAsManyAsAsked) {
  const NamedTensors s =
      sharing_model(section(kTinyLenet, ", shared_experts: 2, task_experts: [1, 3, 2], gate_input: flatten"),
                    {1, 12, 12})
          ->state();
  EXPECT_EQ(s.count("shared_experts.1.conv1.weight") + s.count("experts.b.2.features.fc.weight"), 2U);
  EXPECT_EQ(s.count("shared_experts.2.conv1.weight") + s.count("experts.c.2.conv1.weight"), 0U);
  EXPECT_EQ(s.at("gates.a.conv1.weight").sizes(), (std::vector<int64_t>{3, 144}));
  EXPECT_EQ(s.at("gates.b.conv2.weight").sizes(), (std::vector<int64_t>{5, 3 * 5 * 5}));
  EXPECT_EQ(s.at("shared_gates.conv2.weight").sizes(), (std::vector<int64_t>{8, 3 * 5 * 5}));
  EXPECT_EQ(s.count("shared_gates.features.weight"), 0U);
  const NamedTensors pooled = sharing_model(section(kTinyLenet), {1, 12, 12})->state();
  EXPECT_EQ(pooled.at("gates.a.conv1.weight").sizes(), (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(pooled.at("gates.a.features.weight").sizes(), (std::vector<int64_t>{2, 4}));
}

// One level of mixing by hand: outputs of experts as the state names them, in the order of the gate.
struct ByHand {
  NamedTensors s;
  at::Tensor expert(const std::string& name, int stage, const at::Tensor& x) const {
    const std::string layer = fmt::format("{}.hidden.{}.fc.", name, stage);
    return at::tanh(x.matmul(s.at(layer + "weight").t()) + s.at(layer + "bias"));
  }
  at::Tensor gated(const std::string& gate, const at::Tensor& x, const std::vector<at::Tensor>& outputs) const {
    const at::Tensor w = at::softmax(x.matmul(s.at(gate + ".weight").t()) + s.at(gate + ".bias"), 1);
    at::Tensor y = at::zeros_like(outputs[0]);
    for (size_t e = 0; e < outputs.size(); ++e) y = y + w.select(1, static_cast<int64_t>(e)).unsqueeze(1) * outputs[e];
    return y;
  }
};

TEST(Ple, ExtractsByHand) {
  for (const bool shared_gate : {true, false}) {
    const auto model = sharing_model(
        section("backbone: {type: mlp, hidden: [3, 2], activation: tanh}", shared_gate ? "" : ", shared_gate: false"),
        {4}, {"a", "b"});
    const ByHand by{model->state()};
    const at::Tensor x = at::randn({5, 4});
    const at::Tensor s0 = by.expert("shared_experts.0", 0, x);
    const at::Tensor a0 = by.expert("experts.a.0", 0, x), b0 = by.expert("experts.b.0", 0, x);
    const at::Tensor a = by.gated("gates.a.hidden1", x, {s0, a0}), b = by.gated("gates.b.hidden1", x, {s0, b0});
    const at::Tensor s = shared_gate ? by.gated("shared_gates.hidden1", x, {s0, a0, b0}) : b;
    const at::Tensor expected =
        by.gated("gates.b.hidden2", b, {by.expert("shared_experts.0", 1, s), by.expert("experts.b.0", 1, b)});
    const auto features = model->represent({{"x", x}});
    EXPECT_TRUE(at::allclose(features[0][0], a, 1e-5, 1e-6));
    EXPECT_TRUE(at::allclose(features[1][1], expected, 1e-5, 1e-6)) << shared_gate;
  }
}

TEST(Ple, RolesFollowWhatReachesOtherTasks) {
  for (const char* form : kForms) {
    const auto model = sharing_model(section(kTinyMlp, form), {4});
    expect_all_parameters_listed(*model);
    expect_roles_hold(*model, at::randn({6, 4}));
    std::map<std::string, int64_t> owner;
    for (const auto& p : model->model_parameters()) owner[p.name] = p.task;
    const bool paper = std::string(form).empty();
    EXPECT_EQ(owner.at("experts.b.0.hidden.0.fc.weight"), paper ? -1 : 1);
    EXPECT_EQ(owner.at("experts.b.0.hidden.1.fc.weight"), paper ? -1 : 1);
    EXPECT_EQ(owner.at("experts.b.0.hidden.2.fc.weight"), 1);
    EXPECT_EQ(owner.at("gates.c.hidden1.bias"), paper ? -1 : 2);
    EXPECT_EQ(owner.at("gates.c.hidden2.bias"), 2);
    EXPECT_EQ(owner.at("shared_experts.0.hidden.2.fc.weight"), -1);
  }
}

TEST(Ple, NothingIsCountedBeforeTrainingAndSharedExpertsSeeAStepOnce) {
  for (const char* form : kForms) {
    const auto model = sharing_model(section(kTinyResnet, form), {1, 16, 16});
    const auto counted = [&](const char* name) { return model->state().at(name).item<int64_t>(); };
    EXPECT_EQ(counted("shared_experts.0.layer2.0.bn1.num_batches_tracked"), 0);
    model->train();
    model->represent({{"x", at::randn({2, 1, 16, 16})}});
    EXPECT_EQ(counted("shared_experts.0.layer2.0.bn1.num_batches_tracked"), std::string(form).empty() ? 1 : 3);
    EXPECT_EQ(counted("experts.a.0.layer2.0.bn1.num_batches_tracked"), 1);
  }
}

TEST(Ple, PooledGatesTakeAnySizeAndFlatOnesSayTheirs) {
  const auto pooled = sharing_model(section(kTinyResnet), {1, 16, 16});
  EXPECT_EQ(pooled->forward({{"x", at::randn({2, 1, 21, 30})}})[0].size(0), 2);
  const auto flat = sharing_model(section(kTinyResnet, ", gate_input: flatten"), {1, 16, 16});
  EXPECT_EQ(flat->forward({{"x", at::randn({2, 1, 16, 16})}})[0].size(0), 2);
  EXPECT_THAT(input_error([&] {
                flat->forward({{"x", at::randn({2, 1, 16, 18})}});
              }),
              AllOf(HasSubstr("stem"), HasSubstr("256 values and got 288"), HasSubstr("gate_input: pooled")));
}

TEST(Ple, HasExactGradients) {
  for (const char* form : kForms) {
    expect_exact_model_gradients(*sharing_model(section(kTinyMlp, form), {4}, {"a", "b"}), {4});
    expect_exact_model_gradients(
        *sharing_model(section("backbone: {type: lenet, channels: [2, 2], kernel: 3, features: 4}", form), {1, 11, 10},
                       {"a", "b"}),
        {1, 11, 10});
  }
}

TEST(Ple, MakesTheRoundTripAndIsTraceable) {
  for (const char* form : kForms) {
    const auto one = sharing_model(section(kTinyResnet, form), {1, 15, 16}),
               two = sharing_model(section(kTinyResnet, form), {1, 15, 16}, {"a", "b", "c"}, 2);
    expect_state_round_trip(*one, *two, {1, 15, 16});
    expect_traceable(*one, {1, 15, 16});
  }
}

TEST(Ple, ExpertsStartApartAndAnAddedTaskChangesNoOther) {
  const NamedTensors two = sharing_model(section(kTinyMlp), {4}, {"a", "b"})->state();
  const NamedTensors three = sharing_model(section(kTinyMlp), {4}, {"c", "b", "a"})->state();
  EXPECT_FALSE(at::equal(two.at("experts.a.0.hidden.0.fc.weight"), two.at("experts.b.0.hidden.0.fc.weight")));
  EXPECT_FALSE(at::equal(two.at("experts.a.0.hidden.0.fc.weight"), two.at("shared_experts.0.hidden.0.fc.weight")));
  for (const char* name : {"experts.a.0.hidden.0.fc.weight", "gates.b.hidden2.weight"})
    EXPECT_TRUE(at::equal(two.at(name), three.at(name))) << name;
}

TEST(Ple, RefusesCountsThatFitNoTask) {
  EXPECT_THAT(input_error([] { sharing_model(section(kTinyMlp, ", task_experts: [1, 2]"), {4}); }),
              AllOf(HasSubstr("2 numbers for 3 tasks"), HasSubstr("one for each")));
  EXPECT_THAT(input_error([] { sharing_model(section(kTinyMlp, ", task_experts: [1, 0, 1]"), {4}); }),
              HasSubstr("≥ 1"));
  EXPECT_THAT(input_error([] { sharing_model(section(kTinyMlp, ", shared_experts: 0"), {4}); }), HasSubstr("≥ 1"));
}

}  // namespace
}  // namespace polytask
