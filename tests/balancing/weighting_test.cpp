#include <polytask/balancing/balancer.h>
#include <polytask/core/random.h>

#include <balancing/support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/types.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace polytask {
namespace {

using testing::HasSubstr;

const double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> to_vector(const at::Tensor& values) {
  const at::Tensor flat = values.detach().to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

void expect_near(const std::vector<double>& got, const std::vector<double>& expected, double relative) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], relative * std::max(1.0, std::abs(expected[i]))) << "entry " << i;
}

// A method without learnable scales and the scalar that it is meant to minimise, written with autograd.
struct Formula {
  std::string yaml;
  std::function<at::Tensor(const at::Tensor& losses, const at::Tensor& normals)> objective;
};

std::vector<Formula> formulas() {
  const auto count = [](const at::Tensor& l) { return static_cast<double>(l.numel()); };
  return {
      {"{method: equal}", [](const at::Tensor& l, const at::Tensor&) { return l.sum(); }},
      {"{method: equal, convention: libmtl}", [](const at::Tensor& l, const at::Tensor&) { return l.sum(); }},
      {"{method: equal, convention: torchjd}", [](const at::Tensor& l, const at::Tensor&) { return l.mean(); }},
      {"{method: equal, convention: torchjd, normalize: sum}",
       [](const at::Tensor& l, const at::Tensor&) { return l.sum(); }},
      {"{method: equal, normalize: mean}", [](const at::Tensor& l, const at::Tensor&) { return l.mean(); }},
      {"{method: geometric}", [count](const at::Tensor& l, const at::Tensor&) { return l.prod().pow(1.0 / count(l)); }},
      {"{method: geometric, epsilon: 0.25}",
       [count](const at::Tensor& l, const at::Tensor&) { return (l + 0.25).prod().pow(1.0 / count(l)); }},
      {"{method: scale_invariant}", [](const at::Tensor& l, const at::Tensor&) { return l.log().sum(); }},
      {"{method: scale_invariant, convention: nash}",
       [](const at::Tensor& l, const at::Tensor&) { return l.log().sum(); }},
      {"{method: scale_invariant, convention: samsung}",
       [](const at::Tensor& l, const at::Tensor&) { return (1 + l).log().sum(); }},
      {"{method: scale_invariant, convention: samsung, epsilon: 0.5}",
       [](const at::Tensor& l, const at::Tensor&) { return (l + 0.5).log().sum(); }},
      {"{method: random}", [](const at::Tensor& l, const at::Tensor& z) { return (at::softmax(z, 0) * l).sum(); }},
  };
}

TEST(LossWeightings, AreTheGradientsOfTheirObjectives) {
  for (const auto& formula : formulas()) {
    for (int64_t n : {1, 2, 5, 12}) {
      SCOPED_TRACE(formula.yaml + " with " + std::to_string(n) + " tasks");
      Random random(7, formula.yaml);
      std::vector<double> values, z;
      for (int64_t t = 0; t < n; ++t) values.push_back(std::exp(2 * random.normal()));
      for (int64_t t = 0; t < n; ++t) z.push_back(3 * random.normal());
      const at::Tensor losses = torch::tensor(values, torch::dtype(torch::kDouble).requires_grad(true));
      const at::Tensor objective = formula.objective(losses, torch::tensor(z, torch::kDouble));
      objective.backward();

      GivenNormals draws(z);
      LossState state = LossState::of(values);
      state.draws = &draws;
      const auto balancer = make_balancer(formula.yaml, numbered_tasks(values.size()));
      const Weights got = weighting_of(*balancer).weigh(state, true);
      expect_near(got.w, to_vector(losses.grad()), 1e-12);
      EXPECT_NEAR(got.objective, objective.item<double>(), 1e-11 * std::max(1.0, std::abs(got.objective)));
    }
  }
}

// The same method for all tasks and for the two present ones alone.
struct Absence {
  std::string all, present;
};

TEST(LossWeightings, AbsentTasksTakeNoPart) {
  const std::vector<Absence> methods = {
      {"{method: equal}", "{method: equal}"},
      {"{method: equal, normalize: mean}", "{method: equal, normalize: mean}"},
      {"{method: fixed, weights: {a: 1, b: 2, c: 3, d: 0.5}}", "{method: fixed, weights: {b: 2, d: 0.5}}"},
      {"{method: geometric}", "{method: geometric}"},
      {"{method: scale_invariant}", "{method: scale_invariant}"},
      {"{method: random}", "{method: random}"},
      {"{method: uncertainty, initial_log_vars: [0.1, 0.2, 0.3, 0.4]}",
       "{method: uncertainty, initial_log_vars: [0.2, 0.4]}"},
      {"{method: uncertainty, form: simple}", "{method: uncertainty, form: simple}"},
      {"{method: uncertainty, form: softplus_reg}", "{method: uncertainty, form: softplus_reg}"},
  };
  for (const auto& method : methods) {
    SCOPED_TRACE(method.all);
    GivenNormals all_draws({5.0, -0.3, 9.0, 1.2}), present_draws({-0.3, 1.2});
    LossState all = LossState::of({kNan, 1.5, -3.0, 0.4});
    all.present = {0, 1, 0, 1};
    all.draws = &all_draws;
    LossState present = LossState::of({1.5, 0.4});
    present.draws = &present_draws;
    const auto with_absent = make_balancer(method.all, tasks_named({"a", "b", "c", "d"}));
    const auto alone = make_balancer(method.present, tasks_named({"b", "d"}));
    const Weights got = weighting_of(*with_absent).weigh(all, true);
    const Weights expected = weighting_of(*alone).weigh(present, true);
    EXPECT_EQ(got.w, (std::vector<double>{0, expected.w[0], 0, expected.w[1]}));
    EXPECT_DOUBLE_EQ(got.objective, expected.objective);
    EXPECT_GT(got.w[1], 0);
  }
}

TEST(LossWeightings, NothingPresentGivesNoWeights) {
  for (const std::string name : {"equal", "geometric", "scale_invariant", "random", "uncertainty"}) {
    GivenNormals draws({1.0, 2.0});
    LossState state = LossState::of({kNan, kNan});
    state.present = {0, 0};
    state.draws = &draws;
    const auto balancer = make_balancer("{method: " + name + "}", numbered_tasks(2));
    const Weights got = weighting_of(*balancer).weigh(state, true);
    EXPECT_EQ(got.w, (std::vector<double>{0, 0})) << name;
    EXPECT_EQ(got.objective, 0) << name;
  }
}

TEST(LossWeightings, MarksOfPresenceMustFitTheLosses) {
  LossState state = LossState::of({1.0, 2.0});
  state.present = {1};
  const auto balancer = make_balancer("{method: equal}", numbered_tasks(2));
  EXPECT_THAT(message_of<WorkError>([&] { weighting_of(*balancer).weigh(state, true); }),
              HasSubstr("2 losses, but 1 marks"));
}

TEST(Geometric, NeitherManyTasksNorExtremeLossesOverflow) {
  for (double loss : {1e-300, 1e300}) {
    const auto balancer = make_balancer("{method: geometric}", numbered_tasks(256));
    const Weights got = weighting_of(*balancer).weigh(LossState::of(std::vector<double>(256, loss)), true);
    EXPECT_NEAR(got.objective / loss, 1, 1e-10);
    for (double w : got.w) EXPECT_NEAR(w, 1.0 / 256, 1e-12);
  }
}

TEST(LogarithmicMethods, NameTheTaskWhoseLossIsNotPositive) {
  for (const std::string name : {"geometric", "scale_invariant"}) {
    for (double loss : {0.0, -0.25, kNan}) {
      LossState state = LossState::of({1.0, loss});
      state.step = 12;
      const auto balancer = make_balancer("{method: " + name + "}", tasks_named({"digit", "depth"}));
      const std::string text = message_of<WorkError>([&] { weighting_of(*balancer).weigh(state, true); });
      EXPECT_THAT(text, HasSubstr(name + ": the loss of task \"depth\"")) << name << loss;
      EXPECT_THAT(text, HasSubstr("in step 12"));
      EXPECT_THAT(text, HasSubstr("set `epsilon`"));
    }
    EXPECT_THAT(message_of<InputError>([&] { make_balancer("{method: " + name + ", epsilon: -1}", {}); }),
                HasSubstr("must be ≥ 0"));
  }
}

TEST(LogarithmicMethods, EpsilonAdmitsALossOfZero) {
  const auto balancer = make_balancer("{method: scale_invariant, epsilon: 0.5}", numbered_tasks(1));
  EXPECT_DOUBLE_EQ(weighting_of(*balancer).weigh(LossState::of({0.0}), true).w[0], 2.0);
}

TEST(ScaleInvariant, ScalingALossChangesNoStep) {
  const auto balancer = make_balancer("{method: scale_invariant}", numbered_tasks(2));
  const Weights one = weighting_of(*balancer).weigh(LossState::of({0.5, 2.0}), true);
  const Weights scaled = weighting_of(*balancer).weigh(LossState::of({0.5e6, 2.0}), true);
  EXPECT_NEAR(scaled.w[0] * 1e6, one.w[0], 1e-12);  // w_t L_t is what a step sees of task t
  EXPECT_EQ(scaled.w[1], one.w[1]);
}

TEST(RandomWeighting, DrawsAfreshInEveryBatchFromItsNamedStream) {
  GivenNormals draws({0.0, std::log(3.0), std::log(4.0), 0.0});
  LossState state = LossState::of({2.0, 4.0});
  state.draws = &draws;
  const auto balancer = make_balancer("{method: random}", numbered_tasks(2));
  expect_near(weighting_of(*balancer).weigh(state, true).w, {0.25, 0.75}, 1e-15);
  expect_near(weighting_of(*balancer).weigh(state, true).w, {0.8, 0.2}, 1e-15);
  EXPECT_EQ(draws.names, (std::vector<std::string>{"balance/random", "balance/random"}));
}

TEST(RandomWeighting, EvaluationDrawsNothing) {
  GivenNormals draws({});
  LossState state = LossState::of({2.0, 4.0});
  state.draws = &draws;
  const auto balancer = make_balancer("{method: random}", numbered_tasks(2));
  const Weights got = balancer->evaluate(state);
  EXPECT_EQ(got.w, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(got.objective, 3.0);
  EXPECT_TRUE(draws.names.empty());
}

TEST(RandomWeighting, SaysThatDrawsAreMissing) {
  const auto balancer = make_balancer("{method: random}", numbered_tasks(2));
  EXPECT_THAT(message_of<WorkError>([&] {
                weighting_of(*balancer).weigh(LossState::of({1, 2}), true);
              }),
              HasSubstr("needs draws"));
}

TEST(RandomWeighting, ExtremeNormalsStayFinite) {
  GivenNormals draws({-2000.0, -2000.0});
  LossState state = LossState::of({1.0, 1.0});
  state.draws = &draws;
  const auto balancer = make_balancer("{method: random}", numbered_tasks(2));
  EXPECT_EQ(weighting_of(*balancer).weigh(state, true).w, (std::vector<double>{0.5, 0.5}));
}

TEST(Fixed, TakesAMapInAnyOrderOrAList) {
  const auto tasks = tasks_named({"digit", "parity"});
  const auto map = make_balancer("{method: fixed, weights: {parity: 0, digit: 2}}", tasks);
  const auto list = make_balancer("{method: fixed, weights: [2, 0]}", tasks);
  for (auto* balancer : {map.get(), list.get()}) {
    const Weights got = weighting_of(*balancer).weigh(LossState::of({3.0, 5.0}), true);
    EXPECT_EQ(got.w, (std::vector<double>{2, 0}));
    EXPECT_EQ(got.objective, 6);
  }
}

TEST(Fixed, ErrorsNamePlaceAndRemedy) {
  const auto tasks = tasks_named({"digit", "parity"});
  const auto text = [&](const std::string& yaml) {
    return message_of<InputError>([&] { make_balancer("method: fixed\n" + yaml, tasks); });
  };
  EXPECT_THAT(text("weights: {digit: 1}"), HasSubstr("task \"parity\" has no weight"));
  EXPECT_THAT(text("weights: {digit: 1, partiy: 2}"), HasSubstr("no task \"partiy\"; did you mean \"parity\"?"));
  EXPECT_THAT(text("weights:\n  digit: 1\n  parity: -2"), HasSubstr("test.yaml:4"));
  EXPECT_THAT(text("weights:\n  digit: 1\n  parity: -2"), HasSubstr("-2 is no weight"));
  EXPECT_THAT(text("weights: {digit: 1, parity: .inf}"), HasSubstr(".inf is no weight"));
  EXPECT_THAT(text("weights: {digit: 1, parity: much}"), HasSubstr("expected a number"));
  EXPECT_THAT(text("weights: [1, 2, 3]"), HasSubstr("3 weights for 2 tasks (digit, parity)"));
  EXPECT_THAT(text("weights: [0, 0]"), HasSubstr("every weight is 0"));
  EXPECT_THAT(text("weights: 3"), HasSubstr("expected a map {task: number} or a list"));
  EXPECT_THAT(text(""), HasSubstr("\"weights\" is missing"));
}

TEST(Fixed, SaysThatSetupNamedOtherTasks) {
  const auto balancer = make_balancer("{method: fixed, weights: [1, 2]}", numbered_tasks(2));
  EXPECT_THAT(message_of<WorkError>([&] {
                weighting_of(*balancer).weigh(LossState::of({1, 2, 3}), true);
              }),
              HasSubstr("fixed: 3 losses, but setup() was given 2 tasks"));
}

TEST(Balancers, ListsTheMethodsAndExplainsMistakes) {
  EXPECT_THAT(balancers().names(),
              testing::UnorderedElementsAre(
                  "equal", "fixed", "geometric", "scale_invariant", "random", "uncertainty", "dwa", "imtl_l", "stch",
                  "cosmos", "pbi", "famo", "dtp", "mgda", "pcgrad", "gradvac", "cagrad", "imtl_g", "imtl", "nash",
                  "fairgrad", "aligned", "upgrad", "dualproj", "config", "mean", "sum", "graddrop", "moco", "modo",
                  "sdmgrad", "db_mtl", "excess", "gradnorm", "krum", "trimmed_mean", "crmogm"));
  for (const auto& info : balancers().infos()) EXPECT_FALSE(info.summary.empty()) << info.name;
  EXPECT_THAT(message_of<InputError>([] { make_balancer("{method: uncertanty}", {}); }),
              HasSubstr("unknown balancing method \"uncertanty\"; did you mean \"uncertainty\"?"));
  EXPECT_THAT(message_of<InputError>([] { make_balancer("{method: equal, normalise: mean}", {}); }),
              HasSubstr("unknown key; did you mean \"normalize\"?"));
  EXPECT_THAT(message_of<InputError>([] { make_balancer("{method: equal, convention: libmlt}", {}); }),
              HasSubstr("did you mean \"libmtl\"?"));
}

}  // namespace
}  // namespace polytask
