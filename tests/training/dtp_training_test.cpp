#include <training/run_fixture.h>

#include <ATen/ATen.h>

#include <cmath>

namespace polytask {
namespace {

// An easy task, and one that is a coin toss.
const std::vector<std::string> kEasyAndHard = {
    "tasks={easy: {type: classification, target: light}, hard: {type: classification, target: coin}}",
    "model={input: scene, backbone: {type: interrupting, inner: {type: lenet, channels: [4], kernel: 3, features: 8}}}",
    "balancing={method: dtp, alpha: 0.2, gamma: 1}", "optimizer.lr=0.02", "data.count=160"};

std::vector<std::string> with(std::vector<std::string> more) {
  std::vector<std::string> all = kEasyAndHard;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

class DtpTraining : public RunTest {};

double accuracy(const at::Tensor& output, const at::Tensor& target) {
  return output.argmax(1).eq(target).to(at::kDouble).mean().item<double>();
}

double weight_of(double kpi) {
  const double k = std::min(std::max(kpi, 1e-6), 1 - 1e-6);
  return -(1 - k) * std::log(k);
}

TEST_F(DtpTraining, WeightsFollowTheBatchesAccuracies) {
  Session session = open_session(resolve_experiment(configuration(two_inputs_experiment(), kEasyAndHard)));
  GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(), {}, session.task_names());
  Random random(1);
  Stepper stepper(session, optimizer, random);
  session.model->train();
  std::vector<double> kpis(2);
  const auto& rows = session.data.split.train;
  for (size_t step = 0; step < 12; ++step) {
    const size_t first = 16 * step % 96;
    const Batch batch = session.data.dataset->batch(
        std::vector<int64_t>(rows.begin() + static_cast<long>(first), rows.begin() + static_cast<long>(first + 16)));
    const auto outputs = session.model->forward(batch.inputs);
    for (size_t t = 0; t < 2; ++t) {
      const double now = accuracy(outputs[t], batch.targets.at(session.tasks[t]->name()));
      kpis[t] = step == 0 ? now : 0.2 * now + 0.8 * kpis[t];
    }
    LossState state;
    state.step = static_cast<int64_t>(step);
    const StepResult result = stepper.step({batch}, state, false);
    for (size_t t = 0; t < 2; ++t) EXPECT_NEAR(result.weights.w[t], weight_of(kpis[t]), 1e-9) << step;
  }
}

TEST_F(DtpTraining, TheHardTaskEndsWithMoreWeight) {
  train_run("run", two_inputs_experiment(), with({"train.epochs=12"}));
  const auto steps = steps_of("run");
  const Node& end = steps.back();
  const auto figure = [&](const char* of, const char* task) { return number_of(*end.find(of)->find(task)); };
  EXPECT_GT(figure("kpi", "easy"), 0.85);
  EXPECT_LT(figure("kpi", "hard"), 0.75);
  EXPECT_GT(figure("weights", "hard"), 2 * figure("weights", "easy"));
  for (const char* task : {"easy", "hard"})
    EXPECT_NEAR(figure("weights", task), weight_of(figure("kpi", task)), 1e-9) << task;
}

TEST_F(DtpTraining, AbsentTasksKeepTheirKpi) {
  // Rows 0, 2, … have a label of the coin; batches in the order of the file, of one row each.
  train_run("run", two_inputs_experiment(),
            with({"tasks.hard.target=coin_half",
                  "data={source: two_inputs, count: 40, batch_size: 1, sampler: "
                  "{type: sequential}, split: {validation: 0}}",
                  "train.epochs=1"}));
  const auto steps = steps_of("run");
  ASSERT_EQ(steps.size(), 40U);
  double before = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const double kpi = number_of(*steps[i].find("kpi")->find("hard"));
    const double weight = number_of(*steps[i].find("weights")->find("hard"));
    EXPECT_EQ(weight == 0, i % 2 == 1) << i;
    if (i % 2 == 1) EXPECT_EQ(kpi, before) << i;
    before = kpi;
  }
}

TEST_F(DtpTraining, ResumesBitForBitWithTasksThatAreNowAndThenAbsent) {
  const auto partial = with({"tasks.hard.target=coin_half", "data.batch_size=2", "data.count=60"});
  train_run("whole", two_inputs_experiment(), partial);
  train_with_a_break("cut", two_inputs_experiment(), partial, 31);
  expect_same_state(last("cut"), last("whole"));
}

}  // namespace
}  // namespace polytask
