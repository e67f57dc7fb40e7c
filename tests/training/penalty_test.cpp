#include <training/own_model.h>
#include <training/run_fixture.h>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

namespace polytask {
namespace {

using testing::ElementsAre;
using testing::Pair;

class PenaltyTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    register_own_model();
    OwnModel::begun().clear();
  }
  // A session whose parameters no step moves, so that the gradients of a step can be found again.
  static Session still(const std::vector<std::string>& more) {
    std::vector<std::string> overrides = {"optimizer.lr=0"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    Session session = open_session(resolve_experiment(configuration(own_experiment(), overrides)));
    session.model->train();
    return session;
  }
  static Batch batch_of(const Session& session, int64_t first, int64_t count) {
    const auto begin = session.data.split.train.begin() + first;
    return session.data.dataset->batch(std::vector<int64_t>(begin, begin + count));
  }
  static StepResult step(Session& session, const std::vector<Batch>& batches) {
    GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(), {},
                               session.task_names());
    Random random(1);
    return Stepper(session, optimizer, random).step(batches, LossState(), false);
  }
  static NamedTensors gradients(Session& session) {
    NamedTensors result;
    for (const auto& p : session.model->model_parameters())
      if (p.tensor.grad().defined()) result[p.name] = p.tensor.grad().clone();
    return result;
  }
  // d(Σ losses + penalty) by autograd alone, and the penalty.
  static std::pair<NamedTensors, double> by_autograd(Session& session, const Batch& batch) {
    const auto outputs = session.model->forward(batch.inputs);
    at::Tensor objective = session.model->penalty();
    const double penalty = objective.item<double>();
    for (size_t t = 0; t < outputs.size(); ++t)
      objective = objective + session.tasks[t]->loss(outputs[t], batch.targets.at(session.tasks[t]->name()), {});
    std::vector<at::Tensor> tensors;
    for (const auto& p : session.model->model_parameters()) tensors.push_back(p.tensor);
    const auto found = torch::autograd::grad({objective}, tensors);
    NamedTensors result;
    for (size_t i = 0; i < tensors.size(); ++i) result[session.model->model_parameters()[i].name] = found[i];
    return {result, penalty};
  }
};

TEST_F(PenaltyTest, ItsGradientStandsBesideTheBalancedOne) {
  Session session = still({});
  const Batch batch = batch_of(session, 0, 16);
  const StepResult result = step(session, {batch});
  const auto [expected, penalty] = by_autograd(session, batch);
  ASSERT_GT(penalty, 1e-3);
  EXPECT_NEAR(result.penalty, penalty, 1e-6);
  const auto got = gradients(session);
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [name, gradient] : expected) EXPECT_TRUE(got.at(name).allclose(gradient, 1e-4, 1e-6)) << name;
}

TEST_F(PenaltyTest, AccumulationTakesTheMeanOverTheBatches) {
  Session session = still({});
  const Batch first = batch_of(session, 0, 16), second = batch_of(session, 16, 16);
  const StepResult result = step(session, {first, second});
  const auto got = gradients(session);
  const auto [a, penalty_a] = by_autograd(session, first);
  const auto [b, penalty_b] = by_autograd(session, second);
  EXPECT_NEAR(result.penalty, (penalty_a + penalty_b) / 2, 1e-6);
  EXPECT_GT(std::abs(penalty_a - penalty_b), 1e-6);
  for (const auto& [name, gradient] : got)
    EXPECT_TRUE(gradient.allclose((a.at(name) + b.at(name)) / 2, 1e-4, 1e-6)) << name;
}

TEST_F(PenaltyTest, IsAddedAsItIsToWhatAGradientMethodFinds) {
  for (const std::string method : {"upgrad", "mgda", "graddrop"}) {
    SCOPED_TRACE(method);
    Session with = still({"balancing={method: " + method + "}"});
    Session without = still({"balancing={method: " + method + "}", "model.penalty=0"});
    const Batch batch = batch_of(with, 0, 16);
    step(with, {batch});
    const auto result = step(without, {batch});
    EXPECT_TRUE(std::isnan(result.penalty));
    with.model->represent(batch.inputs);
    const auto parameters = with.model->model_parameters();
    const auto alone = torch::autograd::grad({with.model->penalty()}, {parameters[0].tensor, parameters[1].tensor});
    const auto a = gradients(with), b = gradients(without);
    ASSERT_EQ(a.size(), parameters.size());
    for (size_t i = 0; i < parameters.size(); ++i) {
      const auto& name = parameters[i].name;
      const at::Tensor expected = i < 2 ? b.at(name) + alone[i] : b.at(name);
      EXPECT_TRUE(a.at(name).allclose(expected, 1e-4, 1e-6)) << name;
    }
  }
}

TEST_F(PenaltyTest, IsLogged) {
  train_run("run", own_experiment(), {"train.epochs=1"});
  train_run("none", own_experiment(), {"train.epochs=1", "model.penalty=0"});
  for (const auto& line : steps_of("run")) {
    ASSERT_NE(line.find("penalty"), nullptr);
    EXPECT_GT(number_of(*line.find("penalty")), 0);
  }
  for (const auto& line : steps_of("none")) EXPECT_EQ(line.find("penalty"), nullptr);
}

TEST_F(PenaltyTest, AResumedRunBeginsTheEpochsThatAreLeft) {
  train_run("whole", own_experiment(), {});
  EXPECT_THAT(OwnModel::begun(), ElementsAre(Pair(0, 3), Pair(1, 3), Pair(2, 3)));
  interrupt_at = 6;  // an epoch has five steps
  EXPECT_THROW(train_run("cut", own_experiment(), {}), Interrupted);
  interrupt_at = -1;
  clear_interrupt();
  OwnModel::begun().clear();
  resume(path("cut"));
  EXPECT_THAT(OwnModel::begun(), ElementsAre(Pair(1, 3), Pair(2, 3)));
  expect_same_state(last("cut"), last("whole"));
}

}  // namespace
}  // namespace polytask
