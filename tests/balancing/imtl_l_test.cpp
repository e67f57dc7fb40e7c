#include <balancing/loss_support.h>
#include <gmock/gmock.h>

#include <torch/optim/sgd.h>

namespace polytask {
namespace {

using testing::HasSubstr;

at::Tensor scale(Balancer& balancer, const std::string& task) {
  return balancer.method().parameters().at("log_scale." + task);
}

TEST(ImtlL, IsTheExponentialOfTheLearnedScales) {
  const auto balancer = make_balancer("{method: imtl_l, initial_log_scales: [0.5, -1]}", tasks_named({"a", "b"}));
  const Weights got = weigh(*balancer, {2, 3});
  expect_close(got.w, {std::exp(0.5), std::exp(-1)});
  EXPECT_NEAR(got.objective, 2 * std::exp(0.5) - 0.5 + 3 * std::exp(-1) + 1, 1e-14);
  EXPECT_EQ(got.shown.at("log_scale"), (std::vector<double>{0.5, -1}));
  const at::Tensor a = scale(*balancer, "a");
  EXPECT_TRUE(a.is_leaf() && a.requires_grad() && a.scalar_type() == at::kDouble);
  EXPECT_EQ(weigh(*make_balancer("{method: imtl_l}", numbered_tasks(1)), {7}).w, (std::vector<double>{1}));
}

TEST(ImtlL, SlopesAreThoseOfTheObjectiveTimesTheShare) {
  const auto tasks = numbered_tasks(4);
  const auto balancer = make_balancer("{method: imtl_l, initial_log_scales: [0.3, -2, 1, 0]}", tasks);
  LossState state = LossState::of({0.4, 3, 1e-9, 50});
  state.share = 0.25;
  expect_gradient_of_objective(*balancer, state);
  weigh(*balancer, state);
  const at::NoGradGuard no_grad;
  for (const auto& task : tasks) {
    at::Tensor s = scale(*balancer, task.name);
    const double h = 1e-6, old = s.item<double>();
    s.fill_(old + h);
    const double up = balancer->evaluate(state).objective;
    s.fill_(old - h);
    const double down = balancer->evaluate(state).objective;
    s.fill_(old);
    EXPECT_NEAR(s.grad().item<double>(), 0.25 * (up - down) / (2 * h), 1e-6) << task.name;
  }
}

TEST(ImtlL, DrawsEveryScaledLossToOne) {
  const auto balancer = make_balancer("{method: imtl_l}", numbered_tasks(3));
  std::vector<at::Tensor> scales;
  for (const auto& [name, tensor] : balancer->method().parameters()) scales.push_back(tensor);
  torch::optim::SGD optimizer(scales, torch::optim::SGDOptions(0.1));
  const std::vector<double> losses = {0.02, 1, 9};
  for (int i = 0; i < 2000; ++i) {
    optimizer.zero_grad();
    weigh(*balancer, losses);
    optimizer.step();
  }
  const Weights got = balancer->evaluate(LossState::of(losses));
  for (size_t t = 0; t < 3; ++t) EXPECT_NEAR(got.w[t] * losses[t], 1, 1e-6);
}

TEST(ImtlL, AbsentTasksAndEvaluationHaveNoGradient) {
  const auto balancer = make_balancer("{method: imtl_l}", tasks_named({"a", "b"}));
  LossState state = LossState::of({5, std::nan("")});
  state.present = {1, 0};
  balancer->evaluate(state);
  EXPECT_FALSE(scale(*balancer, "a").grad().defined());
  const Weights got = weigh(*balancer, state);
  EXPECT_EQ(got.w, (std::vector<double>{1, 0}));
  EXPECT_EQ(got.objective, 5);
  EXPECT_EQ(scale(*balancer, "a").grad().item<double>(), 4);
  EXPECT_FALSE(scale(*balancer, "b").grad().defined());
}

TEST(ImtlL, ExtremeLossesStayFinite) {
  expect_finite(weigh(*make_balancer("{method: imtl_l}", numbered_tasks(2)), {1e30, 1e-30}));
}

TEST(ImtlL, ErrorsNameTheOptionOrTheTask) {
  const auto text = [](const std::string& options) {
    return message_of<InputError>([&] { make_balancer("{method: imtl_l, " + options + "}", tasks_named({"a", "b"})); });
  };
  EXPECT_THAT(text("initial_log_scales: [0, 1, 2]"),
              HasSubstr("balancing.initial_log_scales: 3 values for 2 tasks (a, b)"));
  EXPECT_THAT(text("initial_log_scales: [0, .nan]"), HasSubstr("balancing.initial_log_scales: .nan is not finite"));
  const auto balancer = make_balancer("{method: imtl_l, initial_log_scales: [0, 800]}", tasks_named({"a", "b"}));
  EXPECT_THAT(message_of<WorkError>([&] { weigh(*balancer, {1, 1}); }), HasSubstr("the weight of task \"b\" is .inf"));
}

}  // namespace
}  // namespace polytask
