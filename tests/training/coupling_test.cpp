#include <polytask/allometry/couplings.h>
#include <polytask/config/select_tasks.h>
#include <polytask/io/json.h>

#include <training/layer_source.h>
#include <training/run_fixture.h>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

namespace polytask {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

// The mean of (ratio · first − second)² over pixels with data; the ratio may be fitted on the training targets.
struct RatioOptions {
  std::string first, second;
  double ratio = 2;
  bool fit = false;
  bool break_down = false;
  void fields(Fields& f) {
    f.field("first", first, "a task", required());
    f.field("second", second, "a task", required());
    f.field("ratio", ratio, "");
    f.field("fit", fit, "");
    f.field("break_down", break_down, "the value is not a number");
  }
};

class RatioCoupling : public Coupling {
 public:
  RatioCoupling(const RatioOptions& options, const std::string& name) : Coupling(name), options_(options) {}
  std::vector<std::string> tasks() const override { return {options_.first, options_.second}; }
  void attach(const std::vector<const TaskType*>& tasks) override { tasks_ = tasks; }
  bool needs_fit() const override { return options_.fit; }
  void observe(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& valid) override {
    const at::Tensor known = valid[0].logical_and(valid[1]);
    sums_[0] += targets[0].masked_select(known).sum().item<double>();
    sums_[1] += targets[1].masked_select(known).sum().item<double>();
  }
  void finish_fit() override { options_.ratio = sums_[1] / sums_[0]; }
  at::Tensor value(const std::vector<at::Tensor>& outputs, const at::Tensor& observed) override {
    at::Tensor squares =
        (options_.ratio * tasks_[0]->predict(outputs[0]) - tasks_[1]->predict(outputs[1])).square().squeeze(1);
    if (observed.defined()) squares = squares.masked_select(observed);
    const at::Tensor mean = squares.mean();
    return options_.break_down ? mean * std::nan("") : mean;
  }
  std::vector<std::pair<std::string, double>> figures() const override { return {{"ratio", options_.ratio}}; }
  Node state() const override { return Node::map_of({{"ratio", Node::scalar_of(number_text(options_.ratio))}}); }
  void load_state(const Node& state) override { options_.ratio = number_of(*state.find("ratio")); }

 private:
  RatioOptions options_;
  std::vector<const TaskType*> tasks_;
  double sums_[2] = {0, 0};
};

const char* const kExperiment = R"(
name: coupled
seed: 3
device: cpu
threads: 1
data: {source: layered, batch_size: 4, split: {validation: 0.25}}
model: {backbone: {type: unet, width: 2, depth: 1}}
tasks:
  cover: {type: segmentation, target: cover, head: {type: unet_decoder}}
  near: {type: dense_regression, target: near, head: {type: unet_decoder}}
  far: {type: dense_regression, target: far, head: {type: unet_decoder}}
couplings:
  ratio: {type: ratio, first: near, second: far, weight: 0.5}
balancing: {method: equal}
optimizer: {type: sgd, lr: 0.01, momentum: 0, weight_decay: 0}
train: {epochs: 3}
tracking: {tensorboard: false, log_every: 1}
)";

class CouplingTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    register_layer_source();
    couplings().add<RatioOptions>("ratio", "of the test", "", [](const RatioOptions& options, const std::string& name) {
      return std::make_unique<RatioCoupling>(options, name);
    });
  }
  static Session open(std::vector<std::string> overrides) {
    overrides.emplace_back("optimizer.lr=0");
    Session session = open_session(resolve_experiment(configuration(kExperiment, overrides)));
    session.model->train();
    return session;
  }
  static Batch batch_of(const Session& session, int64_t first) {
    const auto begin = session.data.split.train.begin() + first;
    return session.data.dataset->batch(std::vector<int64_t>(begin, begin + 4));
  }
  static StepResult step(Session& session, const std::vector<Batch>& batches, int64_t epoch = 0) {
    GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(),
                               session.balancer->method().parameters(), session.task_names());
    Random random(1);
    LossState state;
    state.epoch = epoch;
    return Stepper(session, optimizer, random).step(batches, state, false);
  }
  // d(Σ losses + 0.5 · coupling)/dθ of a batch by autograd alone, by name; and the coupling's value.
  static std::pair<NamedTensors, double> by_autograd(Session& session, const Batch& batch, double weight) {
    const auto outputs = session.model->forward(batch.inputs);
    const at::Tensor value = session.couplings[0].value(outputs, observed_everywhere(batch));
    at::Tensor objective = value * weight;
    for (size_t t = 0; t < outputs.size(); ++t) {
      const auto [target, valid] = task_targets(batch, session.tasks[t]->name());
      objective = objective + session.tasks[t]->loss(outputs[t], target, valid);
    }
    std::vector<at::Tensor> tensors;
    for (const auto& p : session.model->model_parameters()) tensors.push_back(p.tensor);
    const auto found = torch::autograd::grad({objective}, tensors);
    NamedTensors result;
    for (size_t i = 0; i < tensors.size(); ++i) result[session.model->model_parameters()[i].name] = found[i];
    return {result, value.item<double>()};
  }
  static void expect_gradients(Session& session, const NamedTensors& expected) {
    for (const auto& p : session.model->model_parameters()) {
      ASSERT_TRUE(p.tensor.grad().defined()) << p.name;
      EXPECT_TRUE(p.tensor.grad().allclose(expected.at(p.name), 1e-4, 1e-6)) << p.name;
    }
  }
};

TEST_F(CouplingTest, AddsItsGradientToThatOfTheLosses) {
  for (const char* balance : {"false", "true"}) {
    SCOPED_TRACE(balance);
    Session session = open({std::string("couplings.ratio.balance=") + balance});
    const Batch batch = batch_of(session, 0);
    const auto [expected, value] = by_autograd(session, batch, 0.5);
    const auto result = step(session, {batch});
    expect_gradients(session, expected);
    EXPECT_NEAR(result.couplings.at(0).value, value, 1e-5);
    EXPECT_EQ(result.couplings.at(0).weight, 0.5);
    double losses = 0;
    for (size_t t = 0; t < session.tasks.size(); ++t) losses += result.losses[t];
    EXPECT_NEAR(result.objective(), losses + 0.5 * value, 1e-5);
  }
}

TEST_F(CouplingTest, GradientMethodsLeaveItBesideTheirOwnStep) {
  // The step with the coupling minus the step without it is the coupling's gradient alone.
  Session with = open({"balancing={method: pcgrad}"}),
          without = open({"balancing={method: pcgrad}", "couplings.ratio.weight=0"});
  const Batch batch = batch_of(with, 0);
  step(with, {batch});
  step(without, {batch});
  const at::Tensor value = with.couplings[0].value(with.model->forward(batch.inputs), observed_everywhere(batch));
  std::vector<at::Tensor> tensors;
  for (const auto& p : with.model->model_parameters()) tensors.push_back(p.tensor);
  const auto alone = torch::autograd::grad({value}, tensors, {}, {}, false, /*allow_unused=*/true);
  const auto others = without.model->model_parameters();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor expected = others[i].tensor.grad() + (alone[i].defined() ? 0.5 * alone[i] : at::zeros({}));
    EXPECT_TRUE(tensors[i].grad().allclose(expected, 1e-4, 1e-6)) << others[i].name;
  }
}

TEST_F(CouplingTest, AsAnObjectiveOfAGradientMethodItGetsAWeight) {
  Session session = open({"balancing={method: mgda}", "couplings.ratio.balance=true"});
  const auto result = step(session, {batch_of(session, 0)});
  ASSERT_EQ(result.weights.w.size(), 4U);
  double sum = 0;
  for (const double w : result.weights.w) sum += w;
  EXPECT_GT(sum, 0);
  for (const auto& p : session.model->model_parameters()) EXPECT_TRUE(p.tensor.grad().defined()) << p.name;
  // Its gradient reaches heads: with a coupling a thousand times as heavy they move otherwise.
  Session heavy = open({"balancing={method: mgda}", "couplings.ratio.balance=true", "couplings.ratio.weight=500"});
  step(heavy, {batch_of(heavy, 0)});
  for (size_t i = 0; i < session.model->model_parameters().size(); ++i) {
    const auto p = session.model->model_parameters()[i];
    if (p.task == 1 || p.task == 2)
      EXPECT_FALSE(p.tensor.grad().allclose(heavy.model->model_parameters()[i].tensor.grad())) << p.name;
    if (p.task == 0) EXPECT_TRUE(p.tensor.grad().allclose(heavy.model->model_parameters()[i].tensor.grad())) << p.name;
  }
}

TEST_F(CouplingTest, AccumulationAverages) {
  Session session = open({"train.accumulate=2"});
  const Batch first = batch_of(session, 0), second = batch_of(session, 4);
  const auto a = by_autograd(session, first, 0.5), b = by_autograd(session, second, 0.5);
  NamedTensors expected;
  for (const auto& [name, gradient] : a.first) expected[name] = 0.5 * (gradient + b.first.at(name));
  const auto result = step(session, {first, second});
  expect_gradients(session, expected);
  EXPECT_NEAR(result.couplings.at(0).value, 0.5 * (a.second + b.second), 1e-5);
  EXPECT_EQ(result.couplings.at(0).figures.at(0).second, 2 + 2) << "counts add up";
}

TEST_F(CouplingTest, WeightGrowsOverEpochs) {
  Session session =
      open({"couplings.ratio.start_epoch=1", "couplings.ratio.ramp_epochs=2", "couplings.ratio.weight=4"});
  std::vector<double> weights;
  for (int64_t epoch = 0; epoch < 4; ++epoch) weights.push_back(session.couplings[0].weight(epoch));
  EXPECT_THAT(weights, ElementsAre(0, 2, 4, 4));
  const Batch batch = batch_of(session, 0);
  const auto expected = by_autograd(session, batch, 0);
  const auto result = step(session, {batch}, 0);
  expect_gradients(session, expected.first);
  EXPECT_NEAR(result.couplings.at(0).value, expected.second, 1e-5);  // watched although it takes no part
}

TEST_F(CouplingTest, TrainsTasksThatHaveNoLabelsInABatch) {
  Session session = open({});
  Batch batch = batch_of(session, 0);
  batch.valid["far"] = at::zeros_like(batch.targets.at("far"), at::kBool);
  batch.labelled["far"] = 0;
  step(session, {batch});
  for (const auto& p : session.model->model_parameters())
    if (p.task == 2) EXPECT_TRUE(p.tensor.grad().defined()) << p.name;
}

TEST_F(CouplingTest, IsLoggedEvaluatedAndCanBeMonitored) {
  const auto result = train_run("run", kExperiment, {"train.monitor=val/ratio"});
  ASSERT_TRUE(result.validation);
  ASSERT_EQ(result.validation->couplings.size(), 1U);
  EXPECT_EQ(result.validation->couplings[0].first, "ratio");
  EXPECT_GT(result.validation->couplings[0].second, 0);
  const auto steps = steps_of("run");
  const Node* logged = steps.front().find("couplings");
  ASSERT_NE(logged, nullptr);
  EXPECT_EQ(number_of(*logged->find("ratio")->find("weight")), 0.5);
  EXPECT_EQ(number_of(*logged->find("ratio")->find("ratio")), 2);
  EXPECT_GT(number_of(*logged->find("ratio")->find("value")), 0);
}

TEST_F(CouplingTest, CountsInTheTrainingLossThatIsMonitored) {
  const auto best = [&](const char* run, const char* weight) {
    const auto result = train_run(run, kExperiment,
                                  {"train.monitor=train/loss", "train.epochs=1", "optimizer.lr=0",
                                   std::string("couplings.ratio.weight=") + weight});
    return result.progress.best;
  };
  const double without = best("without", "0"), half = best("half", "0.5"), one = best("one", "1");
  EXPECT_GT(half, without);
  EXPECT_NEAR(one - without, 2 * (half - without), 1e-4 * one);
}

TEST_F(CouplingTest, ResumesBitForBitWithWhatItFitted) {
  const std::vector<std::string> settings = {
      "couplings.ratio={type: ratio, first: near, second: far, fit: true}",
      "model.backbone={type: interrupting, inner: {type: unet, width: 2, depth: 1}}"};
  train_run("whole", kExperiment, settings);
  train_with_a_break("broken", kExperiment, settings, 7);
  const auto whole = last("whole"), broken = last("broken");
  EXPECT_NEAR(number_of(*whole.info.find("couplings")->find("ratio")->find("ratio")), 2, 1e-6);
  for (const auto& [name, tensor] : whole.tensors)
    if (name.rfind("model.", 0) == 0) EXPECT_TRUE(tensor.equal(broken.tensors.at(name))) << name;
}

TEST_F(CouplingTest, NotFiniteIsDealtWithAsConfigured) {
  const std::string bad = "couplings.ratio={type: ratio, first: near, second: far, break_down: true}";
  Session stopping = open({bad});
  EXPECT_THROW(step(stopping, {batch_of(stopping, 0)}), WorkError);
  Session skipping = open({bad, "train.on_nan=skip_step"});
  EXPECT_TRUE(step(skipping, {batch_of(skipping, 0)}).skipped);
  Session leaving = open({bad, "train.on_nan=skip_task"});
  const auto result = step(leaving, {batch_of(leaving, 0)});
  EXPECT_FALSE(result.skipped);
  EXPECT_THAT(result.not_finite, ElementsAre("ratio"));
}

TEST_F(CouplingTest, MistakesAreRefusedBeforeTraining) {
  const auto refusal = [&](const std::vector<std::string>& overrides) { return refusal_of([&] { open(overrides); }); };
  EXPECT_THAT(refusal({"couplings.ratio.second=fra"}),
              HasSubstr("needs a task \"fra\", and there is none; did you mean"));
  EXPECT_THAT(refusal({"couplings.ratio.type=ration"}), HasSubstr("did you mean \"ratio\""));
  EXPECT_THAT(refusal({"couplings.near={type: ratio, first: near, second: far}"}), HasSubstr("named like a task"));
  EXPECT_THAT(refusal({"couplings.ratio.weight=-1"}), HasSubstr("couplings.ratio.weight"));
  EXPECT_THAT(refusal({"couplings.ratio.balance=true", "balancing={method: pcgrad}",
                       "model={sharing: soft, backbone: "
                       "{type: unet, width: 2, depth: 1}}"}),
              testing::AnyOf(HasSubstr("one representation"), HasSubstr("shared")));
  EXPECT_THAT(refusal({"tasks.near.head={type: linear}"}),
              HasSubstr("has a label per pixel, but its head gives one output"));
}

TEST_F(CouplingTest, GoesWithATaskThatIsLeftOut) {
  Node node = configuration(kExperiment);
  const auto changes = select_tasks(node, {"near", "cover"});
  EXPECT_EQ(node.find("couplings"), nullptr);
  EXPECT_THAT(changes, Contains(HasSubstr("couplings.ratio is left out")));
  Node kept = configuration(kExperiment);
  select_tasks(kept, {"near", "far"});
  EXPECT_NE(kept.find("couplings"), nullptr);
}

}  // namespace
}  // namespace polytask
