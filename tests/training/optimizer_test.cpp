#include <polytask/core/error.h>
#include <polytask/core/random.h>
#include <polytask/training/optimizer.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/types.h>

#include <cmath>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kTasks = {"digit", "parity"};

// Two shared parameters, two heads and a method's scale; the last shared one is frozen.
struct Parameters {
  std::vector<ModelParameter> model;
  NamedTensors balancing;

  Parameters() {
    seed_torch(3, "test/parameters");
    const auto leaf = [](torch::IntArrayRef shape) { return torch::randn(shape).requires_grad_(); };
    model = {{"backbone.weight", leaf({4, 3})},
             {"backbone.bias", leaf({4})},
             {"backbone.frozen", torch::randn({2, 2})},
             {"heads.digit.weight", leaf({2, 4}), Role::task, 0},
             {"heads.parity.weight", leaf({1, 4}), Role::task, 1},
             {"heads.parity.unused", leaf({3}), Role::task, 1}};
    balancing = {{"log_vars", leaf({2})}};
  }
  at::Tensor at(const std::string& name) const {
    for (const auto& parameter : model)
      if (parameter.name == name) return parameter.tensor;
    return balancing.at(name);
  }
  std::vector<at::Tensor> all() const {
    std::vector<at::Tensor> result;
    for (const auto& parameter : model) result.push_back(parameter.tensor);
    for (const auto& [name, tensor] : balancing) result.push_back(tensor);
    return result;
  }
  // A loss in which every step differs and "frozen" and "unused" take no part.
  void backward(int64_t step) const {
    seed_torch(static_cast<uint64_t>(step), "test/inputs");
    const auto hidden = torch::tanh(torch::linear(torch::randn({5, 3}), at("backbone.weight"), at("backbone.bias")));
    const auto first = torch::linear(hidden, at("heads.digit.weight")).pow(2).mean();
    const auto second = torch::linear(hidden, at("heads.parity.weight")).sub(1).pow(2).mean();
    const auto s = at("log_vars");
    (0.5 * torch::exp(-s) * torch::stack({first, second}) + 0.5 * s).sum().backward();
  }
};

GroupedOptimizer optimizer_for(const Parameters& parameters, const OptimizerOptions& options) {
  return {options, parameters.model, parameters.balancing, kTasks};
}

void run(Parameters& parameters, GroupedOptimizer& optimizer, int64_t from, int64_t to) {
  for (int64_t step = from; step < to; ++step) {
    optimizer.zero_grad();
    parameters.backward(step);
    optimizer.set_factor(1.0 / static_cast<double>(step + 1));
    optimizer.step();
  }
}

OptimizerOptions of_type(const std::string& type) {
  OptimizerOptions options;
  options.type = type;
  options.lr = 0.05;
  return options;
}

std::vector<OptimizerOptions> every_kind() {
  std::vector<OptimizerOptions> kinds = {of_type("sgd"), of_type("sgd"), of_type("sgd"), of_type("adam"),
                                         of_type("adamw")};
  kinds[1].momentum = 0;
  kinds[2].nesterov = true;
  for (auto& kind : kinds) kind.task_lr = {{"parity", 0.2}};
  return kinds;
}

std::string error_of(const OptimizerOptions& options) {
  try {
    optimizer_for(Parameters(), options);
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

std::vector<std::string> names_of(const ParameterGroup& group) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : group.parameters) names.push_back(name);
  return names;
}

TEST(GroupedOptimizer, GroupsByWhoseAParameterIs) {
  auto options = of_type("adamw");
  options.shared.lr = 0.01;
  options.heads.weight_decay = 0.5;
  options.task_lr = {{"parity", 0.3}};
  const Parameters parameters;
  const auto optimizer = optimizer_for(parameters, options);
  const auto& groups = optimizer.groups();
  ASSERT_EQ(groups.size(), 4u);
  EXPECT_EQ(groups[0].name, "shared");
  EXPECT_THAT(names_of(groups[0]), ElementsAre("backbone.weight", "backbone.bias", "backbone.frozen"));
  EXPECT_EQ(groups[0].lr, 0.01);
  EXPECT_EQ(groups[0].weight_decay, 0.01);
  EXPECT_EQ(groups[1].name, "heads");
  EXPECT_THAT(names_of(groups[1]), ElementsAre("heads.digit.weight"));
  EXPECT_EQ(groups[1].lr, 0.05);
  EXPECT_EQ(groups[1].weight_decay, 0.5);
  EXPECT_EQ(groups[2].name, "heads.parity");
  EXPECT_THAT(names_of(groups[2]), ElementsAre("heads.parity.weight", "heads.parity.unused"));
  EXPECT_EQ(groups[2].lr, 0.3);
  EXPECT_EQ(groups[2].weight_decay, 0.5);
  EXPECT_EQ(groups[3].name, "balancing");
  EXPECT_EQ(groups[3].lr, 0.05) << "the section's, where it has none of its own";
  EXPECT_EQ(groups[3].weight_decay, 0.0);
}

TEST(GroupedOptimizer, SplitsOffWhatIsNotDecayed) {
  auto options = of_type("sgd");
  options.decay_norm_and_bias = false;
  options.weight_decay = 0.1;
  const auto optimizer = optimizer_for(Parameters(), options);
  std::vector<std::pair<std::string, double>> decays;
  for (const auto& group : optimizer.groups()) decays.emplace_back(group.name, group.weight_decay);
  EXPECT_THAT(decays, ElementsAre(std::pair("shared", 0.1), std::pair("shared.no_decay", 0.0), std::pair("heads", 0.1),
                                  std::pair("heads.no_decay", 0.0), std::pair("balancing", 0.0)));
  EXPECT_THAT(names_of(optimizer.groups()[1]), ElementsAre("backbone.bias"));
}

TEST(GroupedOptimizer, RatesDecayAndFactorReachLibtorch) {
  auto options = of_type("sgd");
  options.momentum = 0;
  options.weight_decay = 0.1;
  options.heads.lr = 0.2;
  options.balancing.lr = 0.5;
  const Parameters parameters;
  auto optimizer = optimizer_for(parameters, options);
  std::map<std::string, at::Tensor> before;
  for (const char* name : {"backbone.weight", "heads.digit.weight", "log_vars"}) {
    before[name] = parameters.at(name).detach().clone();
    parameters.at(name).mutable_grad() = torch::ones_like(before[name]);
  }
  optimizer.set_factor(0.5);
  optimizer.step();
  const auto expected = [&](const std::string& name, double lr, double decay) {
    return before[name] - 0.5 * lr * (1 + decay * before[name]);
  };
  EXPECT_TRUE(torch::allclose(parameters.at("backbone.weight"), expected("backbone.weight", 0.05, 0.1)));
  EXPECT_TRUE(torch::allclose(parameters.at("heads.digit.weight"), expected("heads.digit.weight", 0.2, 0.1)));
  EXPECT_TRUE(torch::allclose(parameters.at("log_vars"), expected("log_vars", 0.5, 0.0)));
  optimizer.set_factor(0.0);
  const auto unmoved = parameters.at("backbone.weight").detach().clone();
  optimizer.step();
  EXPECT_TRUE(torch::equal(parameters.at("backbone.weight"), unmoved));
}

TEST(GroupedOptimizer, AdamFollowsItsFormula) {
  for (const bool decoupled : {false, true}) {
    auto options = of_type(decoupled ? "adamw" : "adam");
    options.betas = {0.8, 0.9};
    options.eps = 0.01;
    options.weight_decay = 0.3;
    const auto x = torch::tensor({2.0}, torch::kFloat64).requires_grad_();
    GroupedOptimizer optimizer(options, {{"x", x}}, {}, {});
    double value = 2, m = 0, v = 0;
    for (int k = 1; k <= 3; ++k) {
      x.mutable_grad() = torch::tensor({1.0 * k}, torch::kFloat64);
      optimizer.step();
      const double g = k + (decoupled ? 0.0 : 0.3 * value);
      if (decoupled) value *= 1 - 0.05 * 0.3;
      m = 0.8 * m + 0.2 * g;
      v = 0.9 * v + 0.1 * g * g;
      value -= 0.05 * m / (1 - std::pow(0.8, k)) / (std::sqrt(v / (1 - std::pow(0.9, k))) + 0.01);
      EXPECT_NEAR(x.item<double>(), value, 1e-12) << decoupled << " " << k;
    }
  }
}

TEST(GroupedOptimizer, ZeroGradMakesGradientsUndefined) {
  Parameters parameters;
  auto optimizer = optimizer_for(parameters, of_type("adam"));
  parameters.backward(0);
  ASSERT_TRUE(parameters.at("backbone.weight").grad().defined());
  optimizer.zero_grad();
  for (const auto& tensor : parameters.all()) EXPECT_FALSE(tensor.grad().defined());
}

TEST(GroupedOptimizer, WhatHasNoGradientStaysWhereItIs) {
  for (const auto& options : every_kind()) {
    Parameters parameters;
    auto optimizer = optimizer_for(parameters, options);
    const auto frozen = parameters.at("backbone.frozen").clone(),
               unused = parameters.at("heads.parity.unused").detach().clone();
    run(parameters, optimizer, 0, 3);
    EXPECT_TRUE(torch::equal(parameters.at("backbone.frozen"), frozen));
    EXPECT_TRUE(torch::equal(parameters.at("heads.parity.unused"), unused));
    for (const auto& [name, tensor] : optimizer.state()) {
      EXPECT_THAT(name, testing::Not(HasSubstr("frozen")));
      EXPECT_THAT(name, testing::Not(HasSubstr("unused")));
    }
  }
}

TEST(GroupedOptimizer, AFrozenParameterMayBeUnfrozenLater) {
  Parameters parameters;
  auto optimizer = optimizer_for(parameters, of_type("adamw"));
  const auto frozen = parameters.at("backbone.frozen");
  const auto before = frozen.clone();
  frozen.requires_grad_();
  frozen.pow(2).sum().backward();
  optimizer.step();
  EXPECT_FALSE(torch::equal(frozen, before));
  EXPECT_TRUE(optimizer.state().count("backbone.frozen.exp_avg"));
}

TEST(GroupedOptimizer, StateIsNamedByParameter) {
  Parameters parameters;
  auto adam = optimizer_for(parameters, of_type("adam"));
  EXPECT_THAT(adam.state(), IsEmpty()) << "before the first step";
  run(parameters, adam, 0, 3);
  const auto state = adam.state();
  EXPECT_EQ(state.size(), 15u);
  EXPECT_EQ(state.at("backbone.bias.step").item<int64_t>(), 3);
  EXPECT_EQ(state.at("backbone.bias.step").scalar_type(), torch::kLong);
  EXPECT_EQ(state.at("log_vars.exp_avg").sizes(), torch::IntArrayRef({2}));
  EXPECT_TRUE(state.count("heads.digit.weight.exp_avg_sq"));
  auto sgd = optimizer_for(parameters, of_type("sgd"));
  run(parameters, sgd, 0, 1);
  EXPECT_EQ(sgd.state().size(), 5u);
  EXPECT_TRUE(sgd.state().count("heads.parity.weight.momentum_buffer"));
  auto plain = of_type("sgd");
  plain.momentum = 0;
  auto without = optimizer_for(parameters, plain);
  run(parameters, without, 0, 1);
  EXPECT_THAT(without.state(), IsEmpty());
}

TEST(GroupedOptimizer, ResumingEqualsGoingOnBitForBit) {
  for (const auto& options : every_kind()) {
    Parameters whole, parts;
    auto uninterrupted = optimizer_for(whole, options);
    run(whole, uninterrupted, 0, 10);
    NamedTensors saved;
    {
      auto first = optimizer_for(parts, options);
      run(parts, first, 0, 5);
      for (const auto& [name, tensor] : first.state()) saved[name] = tensor.clone();
    }
    auto second = optimizer_for(parts, options);
    second.load_state(saved);
    run(parts, second, 5, 10);
    const auto expected = whole.all(), actual = parts.all();
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(torch::equal(actual[i], expected[i])) << options.type << " " << i;
    const auto expected_state = uninterrupted.state(), actual_state = second.state();
    ASSERT_EQ(actual_state.size(), expected_state.size());
    for (const auto& [name, tensor] : expected_state) EXPECT_TRUE(torch::equal(actual_state.at(name), tensor)) << name;
  }
}

TEST(GroupedOptimizer, LoadingReplacesWhatWasThere) {
  Parameters parameters;
  auto optimizer = optimizer_for(parameters, of_type("adam"));
  run(parameters, optimizer, 0, 2);
  NamedTensors saved;
  for (const auto& [name, tensor] : optimizer.state()) saved[name] = tensor.clone();
  optimizer.load_state({});
  EXPECT_THAT(optimizer.state(), IsEmpty());
  optimizer.load_state(saved);
  run(parameters, optimizer, 2, 3);
  EXPECT_EQ(saved.at("backbone.bias.step").item<int64_t>(), 2) << "what was loaded is the caller's still";
  EXPECT_EQ(optimizer.state().at("backbone.bias.step").item<int64_t>(), 3);
}

TEST(GroupedOptimizer, RefusesStatesThatDoNotFit) {
  Parameters parameters;
  auto optimizer = optimizer_for(parameters, of_type("adam"));
  run(parameters, optimizer, 0, 2);
  const NamedTensors good = optimizer.state();
  const auto message = [&](const std::string& name, const at::Tensor& value) -> std::string {
    NamedTensors state = good;
    if (value.defined())
      state[name] = value;
    else
      state.erase(name);
    try {
      optimizer.load_state(state);
    } catch (const InputError& e) {
      EXPECT_EQ(optimizer.state().size(), good.size()) << "a refused state changes nothing";
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("other.exp_avg", torch::zeros({2})),
              HasSubstr("tensor \"other.exp_avg\" belongs to no parameter of this optimizer"));
  EXPECT_THAT(message("backbone.bias.momentum_buffer", torch::zeros({4})), HasSubstr("belongs to no parameter"));
  EXPECT_THAT(message("backbone.bias.exp_avg", at::Tensor()), HasSubstr("tensor \"backbone.bias.exp_avg\" is missing"));
  EXPECT_THAT(message("backbone.bias.step", at::Tensor()), HasSubstr("tensor \"backbone.bias.step\" is missing"));
  EXPECT_THAT(message("backbone.bias.exp_avg", torch::zeros({5})),
              HasSubstr("is Float [5], its parameter is Float [4]"));
  EXPECT_THAT(message("backbone.bias.exp_avg", torch::zeros({4}, torch::kFloat64)), HasSubstr("is Double [4]"));
  for (const auto& bad : {torch::tensor(1.0), torch::tensor({1, 2}, torch::kLong), torch::tensor(-1, torch::kLong)})
    EXPECT_THAT(message("backbone.bias.step", bad), HasSubstr("must be one int64 number ≥ 0"));
}

TEST(GroupedOptimizer, RefusesOptionsThatMakeNoSense) {
  auto options = of_type("adam");
  options.task_lr = {{"digt", 0.1}};
  EXPECT_THAT(error_of(options),
              HasSubstr("optimizer.task_lr.digt: there is no task of this name; did you mean \"digit\"?"));
  options = of_type("adam");
  for (const std::vector<double>& betas : {std::vector<double>{0.9}, {0.9, 1.0}, {0.9, 0.9, 0.9}, {-0.1, 0.9}}) {
    options.betas = betas;
    EXPECT_THAT(error_of(options), HasSubstr("optimizer.betas: must be two numbers"));
  }
  options = of_type("sgd");
  options.nesterov = true;
  options.momentum = 0;
  EXPECT_THAT(error_of(options), HasSubstr("optimizer.nesterov: needs a momentum > 0"));
  options = of_type("sgd");
  options.balancing.weight_decay = 0.1;
  EXPECT_THAT(error_of(options), HasSubstr("learnable scales are never decayed"));
  EXPECT_THAT(error_of(of_type("adm")), HasSubstr("unknown optimizer \"adm\"; did you mean \"adam\"?"));
}

}  // namespace
}  // namespace polytask
