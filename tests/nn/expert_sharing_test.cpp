#include "expert_support.h"

#include <polytask/nn/sharing/cgc.h>
#include <polytask/nn/sharing/mmoe.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kMmoe = "{sharing: mmoe, experts: 2, backbone: {type: mlp, hidden: [5, 3], activation: tanh}}";
const std::string kCgc =
    "{sharing: cgc, shared_experts: 2, task_experts: [1, 0, 2], backbone: {type: mlp, hidden: [5], activation: tanh}}";
const char* const kImages = "backbone: {type: lenet, channels: [3, 4], kernel: 3, features: 6, batch_norm: true}}";

// The gate takes expert `expert` alone, whatever the sample.
void choose(Model& model, const std::string& task, int64_t expert) {
  const torch::NoGradGuard no_grad;
  NamedTensors state = model.state();
  state.at("gates." + task + ".weight").zero_();
  state.at("gates." + task + ".bias").fill_(-1000);
  state.at("gates." + task + ".bias")[expert].fill_(0);
}

// The last level of an mlp backbone of one tanh layer, from the parameters below `prefix`.
at::Tensor one_layer(const NamedTensors& state, const std::string& prefix, const at::Tensor& x) {
  return at::tanh(x.matmul(state.at(prefix + "hidden.0.fc.weight").t()) + state.at(prefix + "hidden.0.fc.bias"));
}

TEST(Mmoe, KnowsWhoseEachParameterIs) {
  const auto model = model_of("{sharing: mmoe, experts: 2, backbone: {type: mlp, hidden: [5]}}", 2);
  EXPECT_THAT(
      roles_of(*model),
      ElementsAre("shared_experts.0.hidden.0.fc.weight shared -1", "shared_experts.0.hidden.0.fc.bias shared -1",
                  "shared_experts.1.hidden.0.fc.weight shared -1", "shared_experts.1.hidden.0.fc.bias shared -1",
                  "gates.a.weight task 0", "gates.a.bias task 0", "gates.b.weight task 1", "gates.b.bias task 1",
                  "heads.a.fc.weight task 0", "heads.a.fc.bias task 0", "heads.b.fc.weight task 1",
                  "heads.b.fc.bias task 1"));
  expect_all_parameters_listed(*model);
  EXPECT_EQ(model->last_shared_layer(), "shared_experts.0.hidden.0.fc,shared_experts.1.hidden.0.fc");
  EXPECT_FALSE(model->shares_representation());
}

TEST(Mmoe, MixesEveryLevelWithTheSoftmaxOfTheInput) {
  const auto model = model_of("{sharing: mmoe, experts: 3, " + std::string(kImages), 2, {1, 12, 12});
  model->eval();
  const at::Tensor x = at::randn({4, 1, 12, 12});
  const NamedTensors s = model->state();
  const auto features = model->represent({{"x", x}});
  ASSERT_EQ(features.size(), 2U);
  ASSERT_EQ(features[1].size(), 3U);
  const at::Tensor logits = x.reshape({4, 144}).matmul(s.at("gates.b.weight").t()) + s.at("gates.b.bias");
  const at::Tensor weights = logits.exp() / logits.exp().sum(1, true);
  // Each expert alone, by a gate that chooses it.
  std::vector<Features> experts;
  for (int64_t e = 0; e < 3; ++e) {
    choose(*model, "b", e);
    experts.push_back(model->represent({{"x", x}})[1]);
  }
  EXPECT_FALSE(at::allclose(experts[0].back(), experts[1].back()));
  for (size_t level = 0; level < 3; ++level) {
    at::Tensor expected = at::zeros_like(experts[0][level]);
    for (int64_t b = 0; b < 4; ++b)
      for (int64_t e = 0; e < 3; ++e) expected[b] += weights[b][e] * experts[static_cast<size_t>(e)][level][b];
    EXPECT_TRUE(at::allclose(features[1][level], expected, 1e-4, 1e-6)) << level;
  }
}

TEST(Mmoe, AGateThatChoosesOneExpertGivesThatExpert) {
  const auto model = model_of("{sharing: mmoe, experts: 2, backbone: {type: mlp, hidden: [5], activation: tanh}}", 2);
  const at::Tensor x = at::randn({3, 4});
  for (int64_t e : {0, 1}) {
    choose(*model, "a", e);
    EXPECT_TRUE(at::allclose(model->represent({{"x", x}})[0].back(),
                             one_layer(model->state(), fmt::format("shared_experts.{}.", e), x), 1e-5, 1e-6));
  }
}

TEST(Mmoe, AnAddedTaskChangesNoOther) {
  const NamedTensors one = model_of(kMmoe, 1)->state(), three = model_of(kMmoe, 3)->state();
  for (const auto& [name, tensor] : one) EXPECT_TRUE(at::equal(tensor, three.at(name))) << name;
  EXPECT_FALSE(at::equal(three.at("gates.a.weight"), three.at("gates.b.weight")));
  EXPECT_FALSE(
      at::equal(three.at("shared_experts.0.hidden.0.fc.weight"), three.at("shared_experts.1.hidden.0.fc.weight")));
}

TEST(Cgc, KnowsWhoseEachParameterIs) {
  const auto model = model_of(kCgc, 3);
  const auto roles = roles_of(*model);
  EXPECT_THAT(roles, Contains("shared_experts.1.hidden.0.fc.weight shared -1"));
  EXPECT_THAT(roles, Contains("experts.a.0.hidden.0.fc.weight task 0"));
  EXPECT_THAT(roles, Contains("experts.c.1.hidden.0.fc.bias task 2"));
  expect_all_parameters_listed(*model);
  const NamedTensors s = model->state();
  EXPECT_EQ(s.at("gates.a.weight").size(0), 3);
  EXPECT_EQ(s.at("gates.b.weight").size(0), 2);
  EXPECT_EQ(s.at("gates.c.weight").size(0), 4);
  EXPECT_EQ(model_of("{sharing: cgc, backbone: {type: mlp}, task_experts: 2}", 2)->state().at("gates.b.bias").numel(),
            4);
}

TEST(Cgc, GatesSeeSharedExpertsFirst) {
  const auto model = model_of(kCgc, 3);
  const at::Tensor x = at::randn({3, 4});
  const std::vector<std::string> order = {"shared_experts.0.", "shared_experts.1.", "experts.c.0.", "experts.c.1."};
  for (size_t e = 0; e < order.size(); ++e) {
    choose(*model, "c", static_cast<int64_t>(e));
    EXPECT_TRUE(
        at::allclose(model->represent({{"x", x}})[2].back(), one_layer(model->state(), order[e], x), 1e-5, 1e-6))
        << order[e];
  }
}

TEST(Cgc, OwnExpertsGetNoGradientOfOtherTasks) {
  const auto model = model_of(kCgc, 3);
  model->forward({{"x", at::randn({3, 4})}})[0].sum().backward();
  for (const auto& p : model->model_parameters()) {
    const bool reached = p.role == Role::shared || p.task == 0;
    EXPECT_EQ(p.tensor.grad().defined(), reached) << p.name;
  }
}

TEST(Cgc, RefusesCountsThatFitNoTasks) {
  EXPECT_THAT(input_error([] { model_of(kCgc, 2); }),
              AllOf(HasSubstr("model.task_experts: 3 numbers for 2 tasks (a, b)"), HasSubstr("one for each task")));
  EXPECT_THAT(input_error([] { model_of("{sharing: cgc, shared_experts: 0, backbone: {type: mlp}}", 2); }),
              AllOf(HasSubstr("shared_experts"), HasSubstr("≥ 1")));
  EXPECT_THAT(input_error([] { model_of("{sharing: mmoe, expert: 2, backbone: {type: mlp}}", 2); }),
              HasSubstr("did you mean \"experts\""));
}

TEST(Experts, MustOfferTheSameLevels) {
  const auto network = [](const char* text) {
    return std::shared_ptr<Backbone>(backbones().create(yaml(text), InputShape{4}));
  };
  const auto wide = network("{type: mlp, hidden: [5]}"), narrow = network("{type: mlp, hidden: [3]}");
  EXPECT_THAT(input_error([&] {
                Experts({wide, narrow});
              }),
              AllOf(HasSubstr("same levels"), HasSubstr("vector of 5"), HasSubstr("vector of 3")));
  const auto context = context_of({4}, {{"a", 1, {}}});
  EXPECT_THAT(input_error([&] {
                Cgc(TrunkInput("", context), std::make_shared<Experts>(std::vector{wide}),
                    {std::make_shared<Experts>(std::vector{narrow})}, context);
              }),
              HasSubstr("the experts of task \"a\" offer"));
}

class ExpertMixture : public testing::TestWithParam<std::string> {};

TEST_P(ExpertMixture, GradientsAreExact) {
  const auto model = model_of(GetParam(), 3);
  model->to(at::kDouble);
  const at::Tensor x = at::randn({3, 4}, at::kDouble);
  expect_exact_gradients(*model, x, [&] { return factored_loss(*model, x); });
}

TEST_P(ExpertMixture, ParametersOfATaskServeThatTaskAlone) {
  expect_roles_hold(*model_of(GetParam(), 3), at::randn({4, 4}));
}

TEST_P(ExpertMixture, WorksForOneTaskAndOneSample) {
  std::string section = GetParam();
  if (const size_t list = section.find("[1, 0, 2]"); list != std::string::npos) section.replace(list, 9, "1");
  const auto model = model_of(section, 1);
  EXPECT_EQ(model->forward({{"x", at::randn({1, 4})}})[0].sizes(), (std::vector<int64_t>{1, 2}));
}

TEST_P(ExpertMixture, Traces) { expect_traceable(*model_of(GetParam(), 3), {4}); }

TEST_P(ExpertMixture, TakesAuxiliaryInputsInHeads) {
  ModelContext context =
      context_of({4}, {{"a", 1, yaml("{type: linear, auxiliary: {input: extra}}")}, {"b", 1, {}}, {"c", 2, {}}});
  context.input_shapes["extra"] = {2};
  const auto model = create_model(yaml(GetParam()), context);
  const auto outputs = model->forward({{"x", at::randn({3, 4})}, {"extra", at::randn({3, 2})}});
  EXPECT_EQ(outputs[2].sizes(), (std::vector<int64_t>{3, 2}));
}

INSTANTIATE_TEST_SUITE_P(Of, ExpertMixture,
                         testing::Values(kMmoe, kCgc,
                                         "{sharing: dselect_k, experts: 3, selectors: 2, entropy: 0.3, backbone: "
                                         "{type: mlp, hidden: [5], activation: tanh}}"));

TEST(ExpertMixture, ImagesTrace) {
  for (const char* sharing : {"mmoe", "cgc", "dselect_k"})
    expect_traceable(*model_of(fmt::format("{{sharing: {}, {}", sharing, kImages), 2, {1, 12, 12}), {1, 12, 12});
}

}  // namespace
}  // namespace polytask
