#include <polytask/balancing/balancer.h>
#include <polytask/core/random.h>

#include <balancing/support.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace polytask {
namespace {

using testing::HasSubstr;

// A shared layer and two heads with the losses of one batch; the same numbers whenever it is made.
struct TwoHeads {
  TwoHeads() {
    at::manual_seed(5);
    const auto options = torch::dtype(torch::kDouble);
    shared = torch::randn({4, 3}, options).set_requires_grad(true);
    heads = {torch::randn({3, 1}, options).set_requires_grad(true),
             torch::randn({3, 1}, options).set_requires_grad(true)};
    input = torch::randn({8, 4}, options);
  }
  std::vector<at::Tensor> losses() const {
    const at::Tensor features = torch::tanh(input.matmul(shared));
    return {features.matmul(heads[0]).pow(2).mean(), (features.matmul(heads[1]) - 1).abs().mean()};
  }
  std::vector<at::Tensor> parameters() const { return {shared, heads[0], heads[1]}; }

  at::Tensor shared, input;
  std::vector<at::Tensor> heads;
};

LossState state_of(const std::vector<at::Tensor>& losses) {
  std::vector<double> values;
  for (const auto& loss : losses) values.push_back(loss.item<double>());
  return LossState::of(values);
}

Weights backward(Balancer& balancer, const std::vector<at::Tensor>& losses, const LossState& state) {
  const std::vector<ModelParameter> none;
  return balancer.backward({losses, none}, state);
}

TEST(JointBalancer, EqualsBackwardOfTheWeightedSum) {
  for (const std::string yaml :
       {"{method: equal}", "{method: fixed, weights: [0.25, 3]}", "{method: geometric}", "{method: scale_invariant}",
        "{method: random}", "{method: uncertainty, initial_log_vars: [0.5, -1]}"}) {
    SCOPED_TRACE(yaml);
    GivenNormals draws({0.4, -1.1});
    TwoHeads balanced, manual;
    const auto losses = balanced.losses();
    LossState state = state_of(losses);
    state.draws = &draws;
    state.share = 0.5;
    const auto balancer = make_balancer(yaml, numbered_tasks(2));
    const Weights applied = backward(*balancer, losses, state);

    const auto plain = manual.losses();
    (0.5 * (applied.w[0] * plain[0] + applied.w[1] * plain[1])).backward();
    for (size_t i = 0; i < 3; ++i)
      EXPECT_TRUE(at::allclose(balanced.parameters()[i].grad(), manual.parameters()[i].grad(), 1e-12, 1e-14));
  }
}

TEST(JointBalancer, HalfSharesAddUpToTheWhole) {
  for (const std::string yaml : {"{method: equal}", "{method: geometric}", "{method: uncertainty}"}) {
    TwoHeads halves, whole;
    const auto balancer = make_balancer(yaml, numbered_tasks(2));
    LossState state = state_of(whole.losses());
    backward(*balancer, whole.losses(), state);
    state.share = 0.5;
    backward(*balancer, halves.losses(), state);
    backward(*balancer, halves.losses(), state);
    for (size_t i = 0; i < 3; ++i)
      EXPECT_TRUE(at::allclose(halves.parameters()[i].grad(), whole.parameters()[i].grad(), 1e-12, 1e-14)) << yaml;
  }
}

TEST(JointBalancer, HeadsOfAbsentTasksGetNoGradient) {
  TwoHeads net;
  auto losses = net.losses();
  LossState state = state_of(losses);
  state.present = {1, 0};
  losses[1] = at::Tensor();
  const auto balancer = make_balancer("{method: equal}", numbered_tasks(2));
  const Weights applied = backward(*balancer, losses, state);
  EXPECT_EQ(applied.w, (std::vector<double>{1, 0}));
  EXPECT_TRUE(net.heads[0].grad().defined());
  EXPECT_TRUE(net.shared.grad().defined());
  EXPECT_FALSE(net.heads[1].grad().defined());
}

TEST(JointBalancer, NothingPresentIsNoBackwardPass) {
  TwoHeads net;
  LossState state = LossState::of({0, 0});
  state.present = {0, 0};
  const auto balancer = make_balancer("{method: equal}", numbered_tasks(2));
  backward(*balancer, {at::Tensor(), at::Tensor()}, state);
  EXPECT_FALSE(net.shared.grad().defined());
}

TEST(JointBalancer, FrozenTasksArePassedOver) {
  TwoHeads net;
  auto losses = net.losses();
  losses[1] = losses[1].detach();
  const auto balancer = make_balancer("{method: equal}", numbered_tasks(2));
  backward(*balancer, losses, state_of(losses));
  EXPECT_TRUE(net.heads[0].grad().defined());
  EXPECT_FALSE(net.heads[1].grad().defined());
}

TEST(JointBalancer, EvaluationLeavesNoGradient) {
  TwoHeads net;
  const auto balancer = make_balancer("{method: geometric}", numbered_tasks(2));
  const LossState state = state_of(net.losses());
  EXPECT_NEAR(balancer->evaluate(state).objective, std::sqrt(state.losses[0] * state.losses[1]), 1e-12);
  EXPECT_FALSE(net.shared.grad().defined());
}

TEST(JointBalancer, WorksOnFloatLosses) {
  const at::Tensor x = torch::ones({2}, torch::requires_grad());
  const auto balancer = make_balancer("{method: fixed, weights: [0.5, 2]}", numbered_tasks(2));
  backward(*balancer, {x[0] * 3, x[1] * 5}, LossState::of({3, 5}));
  EXPECT_TRUE(at::equal(x.grad(), torch::tensor({1.5f, 10.0f})));
}

// A rule of a user's own: the largest loss alone is trained.
class Worst : public LossWeighting {
 public:
  explicit Worst(size_t surplus) : surplus_(surplus) {}
  Weights weigh(const LossState& state, bool) override {
    Weights weights;
    weights.w.assign(state.losses.size() + surplus_, 0.0);
    const auto worst = std::max_element(state.losses.begin(), state.losses.end());
    weights.w[static_cast<size_t>(worst - state.losses.begin())] = 1;
    weights.objective = *worst;
    return weights;
  }

 private:
  size_t surplus_;
};

struct WorstOptions {
  int64_t surplus = 0;
  void fields(Fields& f) { f.field("surplus", surplus, "weights too many", at_least(0)); }
};

TEST(JointBalancer, CarriesAUsersOwnRule) {
  BalancerRegistry registry("balancing method", "method");
  add_loss_weighting<WorstOptions>(registry, "worst", "The largest loss alone.", "", [](const WorstOptions& options) {
    return std::make_unique<Worst>(static_cast<size_t>(options.surplus));
  });
  const auto balancer = registry.create(parse_yaml("{method: worst}", "test.yaml"));
  TwoHeads net;
  const auto losses = net.losses();
  LossState state = state_of(losses);
  state.losses = {1, 2};
  EXPECT_EQ(backward(*balancer, losses, state).w, (std::vector<double>{0, 1}));
  EXPECT_EQ(net.heads[0].grad().abs().sum().item<double>(), 0);  // present with weight 0: a gradient of zeros
  EXPECT_GT(net.heads[1].grad().abs().sum().item<double>(), 0);

  const auto wrong = registry.create(parse_yaml("{method: worst, surplus: 1}", "test.yaml"));
  EXPECT_THAT(message_of<WorkError>([&] { backward(*wrong, losses, state); }), HasSubstr("gave 3 weights for 2 tasks"));
}

TEST(JointBalancer, SaysWhatDoesNotFit) {
  TwoHeads net;
  const auto losses = net.losses();
  const auto balancer = make_balancer("{method: equal}", numbered_tasks(2));
  EXPECT_THAT(message_of<WorkError>([&] {
                backward(*balancer, losses, LossState::of({1, 2, 3}));
              }),
              HasSubstr("2 loss tensors for 3 losses"));
  LossState state = state_of(losses);
  EXPECT_THAT(message_of<WorkError>([&] {
                backward(*balancer, {losses[0], at::Tensor()}, state);
              }),
              HasSubstr("task 1 is marked present, but its loss is undefined"));
  state.present = {1};
  EXPECT_THAT(message_of<WorkError>([&] { backward(*balancer, losses, state); }), HasSubstr("2 losses, but 1 marks"));
}

TEST(StreamDraws, GoOnFromASavedState) {
  Random random(11, "balance");
  StreamDraws draws(random);
  draws.normals("balance/random", 3);
  const auto saved = random.state();
  const auto normals = draws.normals("balance/random", 4);
  const auto uniforms = draws.uniforms("x", 5);
  const auto order = draws.order("y", 6);
  random.set_state(saved);
  EXPECT_EQ(draws.normals("balance/random", 4), normals);
  EXPECT_EQ(draws.uniforms("x", 5), uniforms);
  EXPECT_EQ(draws.order("y", 6), order);
}

TEST(StreamDraws, AreWhatTheirNamesSay) {
  Random random(2, "balance");
  StreamDraws draws(random);
  auto order = draws.order("order", 50);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  double mean = 0, square = 0;
  for (double z : draws.normals("normals", 20000)) mean += z / 20000, square += z * z / 20000;
  EXPECT_NEAR(mean, 0, 0.03);
  EXPECT_NEAR(square, 1, 0.05);
  for (double u : draws.uniforms("uniforms", 1000)) EXPECT_TRUE(u >= 0 && u < 1);
}

}  // namespace
}  // namespace polytask
