#include <polytask/balancing/balancer.h>
#include <polytask/core/random.h>

#include <balancing/support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>
#include <torch/types.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace polytask {
namespace {

using testing::HasSubstr;

// Digit (classification, κ = 2), parity (binary, κ = 1), width (regression, κ = 10).
std::vector<TaskInfo> mixed_tasks() {
  return {{"digit", "classification", 2}, {"parity", "binary", 1}, {"width", "regression", 10}};
}

std::vector<at::Tensor> scales_of(Balancer& balancer, const std::vector<TaskInfo>& tasks) {
  const NamedTensors named = balancer.method().parameters();
  const std::string prefix = named.begin()->first.substr(0, named.begin()->first.find('.') + 1);
  std::vector<at::Tensor> scales;
  for (const auto& task : tasks) scales.push_back(named.at(prefix + task.name));
  return scales;
}

// The total that a form is meant to minimise, from losses L / κ and the learnable scale x of every task.
struct Form {
  std::string yaml;
  std::function<at::Tensor(const at::Tensor& scaled, const at::Tensor& x)> total;
};

at::Tensor factors(const std::vector<double>& values) { return torch::tensor(values, torch::kDouble); }

std::vector<Form> forms() {
  const auto kendall = [](const std::vector<double>& a) {
    return [a](const at::Tensor& l, const at::Tensor& s) { return (factors(a) * (-s).exp() * l + 0.5 * s).sum(); };
  };
  const auto simple = [](const at::Tensor& l, const at::Tensor& s) { return ((-s).exp() * l + s).sum(); };
  const auto softplus = [](const at::Tensor& l, const at::Tensor& p) {
    return (0.5 * l / p.pow(2) + (1 + p.pow(2)).log()).sum();
  };
  return {
      {"{method: uncertainty}", kendall({0.5, 0.5, 0.5})},
      {"{method: uncertainty, task_types: auto}", kendall({1, 1, 0.5})},
      {"{method: uncertainty, task_types: classification}", kendall({1, 1, 1})},
      {"{method: uncertainty, convention: samsung}", kendall({1, 1, 1})},
      {"{method: uncertainty, convention: samsung, task_types: ignore}", kendall({0.5, 0.5, 0.5})},
      {"{method: uncertainty, convention: libmtl}", kendall({0.5, 0.5, 0.5})},
      {"{method: uncertainty, form: simple}", simple},
      {"{method: uncertainty, convention: libmtl, form: simple}", simple},
      {"{method: uncertainty, form: softplus_reg}", softplus},
      {"{method: uncertainty, convention: automatic_weighted_loss}", softplus},
      {"{method: uncertainty, convention: automatic_weighted_loss, form: kendall}", kendall({0.5, 0.5, 0.5})},
  };
}

TEST(Uncertainty, WeightsAndSlopesAreTheGradientsOfTheTotal) {
  const auto tasks = mixed_tasks();
  for (const auto& form : forms()) {
    SCOPED_TRACE(form.yaml);
    Random random(3, form.yaml);
    std::vector<double> values, x;
    for (size_t t = 0; t < tasks.size(); ++t) values.push_back(std::exp(random.normal()));
    for (size_t t = 0; t < tasks.size(); ++t) x.push_back(0.4 + random.uniform());
    const auto balancer = make_balancer(form.yaml, tasks);
    const auto scales = scales_of(*balancer, tasks);
    {
      const at::NoGradGuard no_grad;
      for (size_t t = 0; t < tasks.size(); ++t) scales[t].fill_(x[t]);
    }
    const auto options = torch::dtype(torch::kDouble).requires_grad(true);
    const at::Tensor losses = torch::tensor(values, options), scale = torch::tensor(x, options);
    const at::Tensor total = form.total(losses / factors({2, 1, 10}), scale);
    total.backward();

    const Weights got = weighting_of(*balancer).weigh(LossState::of(values), true);
    EXPECT_NEAR(got.objective, total.item<double>(), 1e-13);
    for (int64_t t = 0; t < 3; ++t) {
      const auto i = static_cast<size_t>(t);
      EXPECT_NEAR(got.w[i], losses.grad()[t].item<double>(), 1e-13);
      EXPECT_NEAR(scales[i].grad().item<double>(), scale.grad()[t].item<double>(), 1e-12);
    }
  }
}

TEST(Uncertainty, ConventionsSelectTheStart) {
  struct Start {
    std::string options;
    double parameter, log_var;
  };
  const std::vector<Start> starts = {
      {"", 0, 0},
      {", convention: paper", 0, 0},
      {", convention: libmtl", -0.5, -0.5},
      {", convention: mtan", -0.5, -0.5},
      {", convention: torchjd", 0, 0},
      {", convention: nash", 0, 0},
      {", convention: auto_lambda", -0.7, -0.7},
      {", convention: samsung", 0, 0},
      {", convention: automatic_weighted_loss", 1, 0},
      {", convention: libmtl, initial_log_vars: 0.25", 0.25, 0.25},
      {", convention: automatic_weighted_loss, initial_log_vars: [2]", std::exp(1.0), 2},
  };
  const auto tasks = tasks_named({"a"});
  for (const auto& start : starts) {
    SCOPED_TRACE(start.options);
    const auto balancer = make_balancer("{method: uncertainty" + start.options + "}", tasks);
    const at::Tensor scale = scales_of(*balancer, tasks)[0];
    EXPECT_DOUBLE_EQ(scale.item<double>(), start.parameter);
    const Weights shown = balancer->evaluate(LossState::of({1.0}));
    EXPECT_NEAR(shown.shown.at("log_var")[0], start.log_var, 1e-15);
    EXPECT_NEAR(shown.shown.at("sigma2")[0], std::exp(start.log_var), 1e-14);
  }
}

TEST(Uncertainty, ParametersAreNamedFloat64LeavesOfTheirOwn) {
  const auto balancer = make_balancer("{method: uncertainty, initial_log_vars: [0.5, -1]}", tasks_named({"a", "b"}));
  const NamedTensors named = balancer->method().parameters();
  ASSERT_EQ(named.size(), 2u);
  EXPECT_DOUBLE_EQ(named.at("log_var.a").item<double>(), 0.5);
  EXPECT_DOUBLE_EQ(named.at("log_var.b").item<double>(), -1);
  for (const auto& [name, tensor] : named) {
    EXPECT_TRUE(tensor.is_leaf() && tensor.requires_grad()) << name;
    EXPECT_EQ(tensor.scalar_type(), at::kDouble);
    EXPECT_TRUE(tensor.device().is_cpu());
    EXPECT_FALSE(tensor.grad().defined());
  }
  const auto softplus = make_balancer("{method: uncertainty, form: softplus_reg}", tasks_named({"a"}));
  EXPECT_EQ(softplus->method().parameters().count("sigma.a"), 1u);
}

TEST(Uncertainty, LossScalesOfTheOptionsWinOverTheTasks) {
  const auto balancer = make_balancer("{method: uncertainty, loss_scales: {width: 4}}", mixed_tasks());
  const Weights got = weighting_of(*balancer).weigh(LossState::of({1, 1, 1}), true);
  EXPECT_EQ(got.w, (std::vector<double>{0.25, 0.5, 0.125}));
}

TEST(Uncertainty, HalfSharesAddUp) {
  for (const std::string form : {"kendall", "simple", "softplus_reg"}) {
    const auto tasks = tasks_named({"a", "b"});
    const std::string yaml = "{method: uncertainty, initial_log_vars: [0.3, -0.4], form: " + form + "}";
    const auto whole = make_balancer(yaml, tasks), halves = make_balancer(yaml, tasks);
    LossState state = LossState::of({2.0, 0.7});
    weighting_of(*whole).weigh(state, true);
    state.share = 0.5;
    const Weights first = weighting_of(*halves).weigh(state, true);
    const Weights second = weighting_of(*halves).weigh(state, true);
    EXPECT_EQ(first.w, second.w);
    for (size_t t = 0; t < 2; ++t)
      EXPECT_DOUBLE_EQ(scales_of(*halves, tasks)[t].grad().item<double>(),
                       scales_of(*whole, tasks)[t].grad().item<double>());
  }
}

TEST(Uncertainty, AbsentTasksHaveNoGradientAndAreNotStepped) {
  const auto tasks = tasks_named({"a", "b"});
  const auto balancer = make_balancer("{method: uncertainty}", tasks);
  const auto scales = scales_of(*balancer, tasks);
  torch::optim::Adam optimizer(scales, torch::optim::AdamOptions(0.1));
  LossState state = LossState::of({5.0, 5.0});
  weighting_of(*balancer).weigh(state, true);
  optimizer.step();
  for (const auto& scale : scales) scale.mutable_grad() = at::Tensor();
  const double before = scales[1].item<double>();
  state.present = {1, 0};
  const Weights got = weighting_of(*balancer).weigh(state, true);
  optimizer.step();
  EXPECT_FALSE(scales[1].grad().defined());
  EXPECT_EQ(scales[1].item<double>(), before);
  EXPECT_NE(scales[0].item<double>(), before);
  EXPECT_EQ(got.w[1], 0);
  EXPECT_EQ(got.shown.at("log_var").size(), 2u);
}

TEST(Uncertainty, EvaluationChangesNothing) {
  const auto tasks = tasks_named({"a", "b"});
  const auto balancer = make_balancer("{method: uncertainty, clamp: [-1, 1]}", tasks);
  const auto scales = scales_of(*balancer, tasks);
  const Weights evaluated = balancer->evaluate(LossState::of({2.0, 3.0}));
  for (const auto& scale : scales) {
    EXPECT_FALSE(scale.grad().defined());
    EXPECT_EQ(scale.item<double>(), 0);
  }
  const Weights trained = weighting_of(*balancer).weigh(LossState::of({2.0, 3.0}), true);
  EXPECT_EQ(evaluated.w, trained.w);
  EXPECT_EQ(evaluated.objective, trained.objective);
}

std::vector<double> train_scales(const std::string& yaml, const std::vector<double>& losses, int steps) {
  const auto tasks = numbered_tasks(losses.size());
  const auto balancer = make_balancer(yaml, tasks);
  torch::optim::SGD optimizer(scales_of(*balancer, tasks), torch::optim::SGDOptions(0.1));
  const LossState state = LossState::of(losses);
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    weighting_of(*balancer).weigh(state, true);
    optimizer.step();
    balancer->method().after_step(state);
  }
  return balancer->evaluate(state).shown.at("log_var");
}

TEST(Uncertainty, ScalesConvergeToTheMinimumOfTheForm) {
  const std::vector<double> losses = {0.3, 1.0, 4.0};
  const auto kendall = train_scales("{method: uncertainty}", losses, 3000);
  const auto doubled = train_scales("{method: uncertainty, convention: samsung}", losses, 3000);
  const auto simple = train_scales("{method: uncertainty, form: simple}", losses, 3000);
  const auto softplus = train_scales("{method: uncertainty, form: softplus_reg}", losses, 3000);
  for (size_t t = 0; t < losses.size(); ++t) {
    const double loss = losses[t];
    EXPECT_NEAR(kendall[t], std::log(loss), 1e-8);
    EXPECT_NEAR(doubled[t], std::log(2 * loss), 1e-8);
    EXPECT_NEAR(simple[t], std::log(loss), 1e-8);
    EXPECT_NEAR(softplus[t], std::log((loss + std::sqrt(loss * loss + 8 * loss)) / 4), 1e-8);
  }
}

TEST(Uncertainty, ClampHoldsTheLogVariances) {
  for (const std::string form : {"kendall", "simple", "softplus_reg"}) {
    const std::string yaml = "{method: uncertainty, clamp: [-0.5, 0.7], form: " + form + "}";
    const auto log_vars = train_scales(yaml, {1e-3, 1.0, 50.0}, 1000);
    EXPECT_NEAR(log_vars[0], -0.5, 1e-12) << form;
    EXPECT_GT(log_vars[1], -0.5) << form;
    EXPECT_LT(log_vars[1], 0.7) << form;
    EXPECT_NEAR(log_vars[2], 0.7, 1e-12) << form;
  }
}

TEST(Uncertainty, ClampKeepsTheSignOfP) {
  const auto tasks = tasks_named({"a"});
  const auto balancer = make_balancer("{method: uncertainty, form: softplus_reg, clamp: [-2, 2]}", tasks);
  const at::Tensor p = scales_of(*balancer, tasks)[0];
  {
    const at::NoGradGuard no_grad;
    p.fill_(-1e-9);
  }
  balancer->method().after_step(LossState::of({1.0}));
  EXPECT_DOUBLE_EQ(p.item<double>(), -std::exp(-1.0));
}

TEST(Uncertainty, SoftplusTotalNeverGoesNegative) {
  const auto balancer =
      make_balancer("{method: uncertainty, form: softplus_reg, initial_log_vars: -30}", numbered_tasks(3));
  EXPECT_GE(balancer->evaluate(LossState::of({0.0, 1e-12, 5.0})).objective, 0);
}

TEST(Uncertainty, SaysWhichTaskHasAWeightThatIsNotFinite) {
  const auto balancer = make_balancer("{method: uncertainty, initial_log_vars: [0, -800]}", tasks_named({"a", "b"}));
  const std::string text = message_of<WorkError>([&] {
    weighting_of(*balancer).weigh(LossState::of({1.0, 1.0}), true);
  });
  EXPECT_THAT(text, HasSubstr("the weight of task \"b\" is .inf"));
  EXPECT_THAT(text, HasSubstr("log variance -800"));
  EXPECT_THAT(text, HasSubstr("clamp"));
}

TEST(Uncertainty, ErrorsNameTheOption) {
  const auto text = [](const std::string& options) {
    return message_of<InputError>([&] { make_balancer("{method: uncertainty, " + options + "}", mixed_tasks()); });
  };
  EXPECT_THAT(text("initial_log_vars: [0, 1]"), HasSubstr("2 values for 3 tasks (digit, parity, width)"));
  EXPECT_THAT(text("initial_log_vars: .inf"), HasSubstr("balancing.initial_log_vars: .inf"));
  EXPECT_THAT(text("loss_scales: {witdh: 2}"), HasSubstr("no task \"witdh\"; did you mean \"width\"?"));
  EXPECT_THAT(text("loss_scales: {width: 0}"), HasSubstr("must be > 0"));
  EXPECT_THAT(text("loss_scales: {width: .inf}"), HasSubstr("loss scale of task \"width\" is .inf"));
  EXPECT_THAT(text("clamp: [1]"), HasSubstr("balancing.clamp: [1] is no interval"));
  EXPECT_THAT(text("clamp: [2, 1]"), HasSubstr("balancing.clamp: [2, 1] is no interval"));
  EXPECT_THAT(text("clamp: [1, 2]"), HasSubstr("lies outside the clamp [1, 2]"));
  EXPECT_THAT(text("form: simple, task_types: auto"), HasSubstr("the form kendall only, not in simple"));
  EXPECT_THAT(text("form: kendal"), HasSubstr("did you mean \"kendall\"?"));
  EXPECT_THAT(text("convention: libmlt"), HasSubstr("did you mean \"libmtl\"?"));
  const auto balancer = make_balancer("{method: uncertainty}", mixed_tasks());
  EXPECT_THAT(message_of<WorkError>([&] { balancer->evaluate(LossState::of({1.0})); }),
              HasSubstr("uncertainty: 1 losses, but setup() was given 3 tasks"));
  EXPECT_THAT(message_of<InputError>([&] {
                balancer->method().setup({{"a", "regression", 0}});
              }),
              HasSubstr("loss scale of task \"a\" is 0"));
}

}  // namespace
}  // namespace polytask
