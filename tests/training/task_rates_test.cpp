#include <training/own_model.h>
#include <training/run_fixture.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TaskRates : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    register_own_model();
  }
  // How far one step of plain gradient descent moves each parameter.
  static NamedTensors moves(const std::vector<std::string>& overrides) {
    Session session = open_session(resolve_experiment(configuration(own_experiment(), overrides)));
    GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(), {},
                               session.task_names());
    NamedTensors before;
    for (const auto& p : session.model->model_parameters()) before[p.name] = p.tensor.detach().clone();
    Random random(1);
    session.model->train();
    Stepper stepper(session, optimizer, random);
    stepper.step({session.data.dataset->batch({session.data.split.train[0], session.data.split.train[1]})}, LossState(),
                 false);
    for (const auto& p : session.model->model_parameters()) before[p.name] -= p.tensor.detach();
    return before;
  }
};

TEST_F(TaskRates, FollowATasksOwnParametersWhereverTheyLie) {
  const auto plain = moves({});
  const auto rated = moves({"optimizer.task_lr={kind: 0.3}"});
  ASSERT_EQ(plain.size(), 10U);
  for (const auto& [name, move] : plain) {
    ASSERT_GT(move.abs().max().item<double>(), 1e-5) << name;
    const bool of_kind = name.rfind("expert_kind.", 0) == 0 || name.rfind("heads.kind.", 0) == 0;
    EXPECT_TRUE(rated.at(name).allclose(of_kind ? 3 * move : move, 1e-3, 1e-6)) << name;
  }
}

TEST_F(TaskRates, TheirGroupHoldsExpertAndHead) {
  const auto session =
      open_session(resolve_experiment(configuration(own_experiment(), {"optimizer.task_lr={kind: 0.3}"})));
  const GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(), {},
                                   session.task_names());
  std::vector<std::string> names;
  for (const auto& group : optimizer.groups()) {
    if (group.name != "heads.kind") continue;
    EXPECT_EQ(group.lr, 0.3);
    for (const auto& [name, tensor] : group.parameters) names.push_back(name);
  }
  EXPECT_THAT(names, testing::ElementsAre("expert_kind.weight", "expert_kind.bias", "heads.kind.fc.weight",
                                          "heads.kind.fc.bias"));
}

TEST_F(TaskRates, OfUnknownTasksAreRefusedWithTheirPlace) {
  const auto message = refusal_of(
      [] { resolve_experiment(configuration(own_experiment(), {"optimizer.task_lr={kind: 0.3, strenght: 0.1}"})); });
  EXPECT_THAT(message, AllOf(HasSubstr("optimizer.task_lr.strenght"), HasSubstr("did you mean \"strength\"")));
}

}  // namespace
}  // namespace polytask
