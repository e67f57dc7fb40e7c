#include <polytask/training/evaluation.h>
#include <polytask/training/step.h>

#include <training/run_fixture.h>

#include <ATen/ATen.h>

#include <cmath>

namespace polytask {
namespace {

// A task whose loss leaves out the samples of its first class.
class LeftOutLabelsTest : public testing::Test {
 protected:
  static Session open(const std::string& balancing) {
    return open_session(resolve_experiment(configuration(R"(
name: left-out
device: cpu
threads: 1
data: {source: tabular, count: 200}
model: {backbone: {type: mlp, hidden: [8]}}
tasks:
  kind: {type: classification, target: kind, loss: {type: cross_entropy, class_weights: [0, 1, 1, 1]}}
  strength: {type: regression, target: strength}
)",
                                                         {"balancing=" + balancing})));
  }
  static std::vector<int64_t> rows_of_class(const Session& session, int64_t kind, size_t count) {
    const at::Tensor kinds = session.data.dataset->targets().at("kind").values;
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < kinds.size(0) && rows.size() < count; ++row)
      if (kinds[row].item<int64_t>() == kind) rows.push_back(row);
    EXPECT_EQ(rows.size(), count);
    return rows;
  }
};

TEST_F(LeftOutLabelsTest, ATaskWithoutALabelThatCountsIsAbsentFromTheStep) {
  for (const char* balancing : {"{method: geometric, epsilon: 0}", "{method: dtp}", "{method: pcgrad}"}) {
    SCOPED_TRACE(balancing);
    Session session = open(balancing);
    session.model->train();
    GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(),
                               session.balancer->method().parameters(), session.task_names());
    Random random(1, "balance");
    const Batch batch = session.data.dataset->batch(rows_of_class(session, 0, 6));
    const StepResult result = Stepper(session, optimizer, random).step({batch}, LossState(), false);
    EXPECT_TRUE(std::isnan(result.losses[0]));
    EXPECT_TRUE(std::isfinite(result.losses[1]));
    EXPECT_EQ(result.weights.w[0], 0);
    EXPECT_TRUE(result.not_finite.empty());
    for (const auto& parameter : session.model->model_parameters())
      if (parameter.role == Role::task && parameter.task == 0)
        EXPECT_FALSE(parameter.tensor.grad().defined()) << parameter.name;
  }
}

TEST_F(LeftOutLabelsTest, AnEvaluationIsOfTheLabelsThatCount) {
  Session session = open("{method: equal}");
  const auto left_out = rows_of_class(session, 0, 5), counted = rows_of_class(session, 1, 5);
  const auto none = evaluate(session, *session.data.dataset, left_out, "none");
  EXPECT_TRUE(std::isnan(none.losses[0]));
  EXPECT_EQ(none.labelled[0], 0);
  EXPECT_EQ(none.objective, none.losses[1]);
  session.experiment.train.evaluation_batch = 5;  // so that one batch is of the first class alone
  std::vector<int64_t> both = left_out;
  both.insert(both.end(), counted.begin(), counted.end());
  EXPECT_NEAR(evaluate(session, *session.data.dataset, both, "both").losses[0],
              evaluate(session, *session.data.dataset, counted, "counted").losses[0], 1e-6);
}

}  // namespace
}  // namespace polytask
