#include "support/experiments.h"
#include "support/temporary_directory.h"

#include <polytask/core/error.h>
#include <polytask/core/interrupt.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>
#include <polytask/training/train.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <training/interrupting.h>

#include <torch/nn/modules/linear.h>

#include <cmath>

namespace polytask {
namespace {

using testing::HasSubstr;

// A backbone that spoils its output at one training step.
struct SpoiltOptions {
  int64_t step = 3;
  bool gradient_only = false;
  void fields(Fields& f) {
    f.field("step", step, "training step whose output is not finite");
    f.field("gradient_only", gradient_only, "a finite output with an infinite gradient");
  }
};
class SpoiltBackbone : public Backbone {
 public:
  SpoiltBackbone(const SpoiltOptions& options, int64_t inputs) : options_(options) {
    linear_ = register_module("linear", torch::nn::Linear(inputs, 8));
  }
  std::vector<Level> levels() const override { return {{"features", 8, 0}}; }
  Features forward(const at::Tensor& input) override {
    auto out = linear_->forward(input);
    if (!is_training() || calls_++ != options_.step) return {out};
    if (options_.gradient_only) return {out + (out - out.detach()).abs().add(0.0).sqrt()};
    return {out * std::nan("")};
  }

 private:
  SpoiltOptions options_;
  int64_t calls_ = 0;
  torch::nn::Linear linear_{nullptr};
};

// A layer with dropout that can interrupt itself.
const char* const kInterrupting =
    "model.backbone={type: interrupting, inner: {type: mlp, hidden: [12], activation: tanh, dropout: 0.3}}";

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    register_signalling();
    backbones().add<SpoiltOptions>(
        "spoilt", "not finite once", "",
        [](const SpoiltOptions& o, const InputShape& shape) { return std::make_unique<SpoiltBackbone>(o, shape[0]); });
    register_interrupting();
    catch_interrupts();
    clear_interrupt();
  }
  TrainResult train_small(const std::string& run, const std::vector<std::string>& overrides = {}) {
    return train(configuration(small_experiment(), overrides), {(directory_.path() / run).string(), {"test"}});
  }
  Checkpoint last(const std::string& run) {
    return load_checkpoint(directory_.path() / run / "checkpoints" / "last.safetensors");
  }
  std::string file(const std::string& run, const std::string& name) {
    return read_file(directory_.path() / run / name);
  }
  TemporaryDirectory directory_;
};

void expect_same(const Checkpoint& a, const Checkpoint& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    ASSERT_TRUE(b.tensors.count(name)) << name;
    EXPECT_TRUE(tensor.equal(b.tensors.at(name))) << name;
  }
  EXPECT_EQ(write_json(a.info), write_json(b.info));
}

TEST_F(TrainerTest, LearnsAndRecordsARun) {
  const auto result = train_small("run", {"train.epochs=40"});
  ASSERT_TRUE(result.validation && result.test);
  EXPECT_GT(result.validation->find("kind/accuracy", result.tasks).value, 0.6);
  EXPECT_GT(result.validation->find("yield/r2", result.tasks).value, 0.3);
  EXPECT_EQ(result.progress.epoch, 40);
  const Node facts = read_json_file(directory_.path() / "run" / "run.json");
  EXPECT_EQ(facts.text_or("status", ""), "finished");
  EXPECT_FALSE(facts.text_or("libtorch", "").empty());
  int64_t steps = 0, epochs = 0;
  for (const auto& line : read_json_lines(directory_.path() / "run" / "metrics.jsonl")) {
    steps += line.text_or("kind", "") == "step";
    epochs += line.text_or("kind", "") == "epoch";
    if (line.text_or("kind", "") == "step") {
      ASSERT_NE(line.find("sigma2"), nullptr);
      ASSERT_NE(line.find("weights"), nullptr);
    }
  }
  EXPECT_EQ(steps, result.progress.step);
  EXPECT_EQ(epochs, 40);
  // The resolved configuration can be fed back as it is.
  const auto again = resolve_experiment(load_configuration(directory_.path() / "run" / "config.yaml", {}));
  EXPECT_EQ(write_yaml(again.resolved), file("run", "config.yaml"));
}

TEST_F(TrainerTest, SameSeedSameWeightsOtherSeedOthers) {
  train_small("a");
  train_small("b", {"data.workers=3"});
  train_small("c", {"seed=8"});
  expect_same(last("a"), last("b"));
  const auto a = last("a").part("model.backbone."), c = last("c").part("model.backbone.");
  ASSERT_FALSE(a.empty());
  for (const auto& [name, tensor] : a) EXPECT_FALSE(tensor.equal(c.at(name))) << name;
}

TEST_F(TrainerTest, InterruptedRunsResumeBitForBit) {
  for (const int step : {0, 2, 5, 11}) {
    SCOPED_TRACE(step);
    const std::string name = "run" + std::to_string(step);
    const std::vector<std::string> method = {"balancing={method: signalling, step: " + std::to_string(step) + "}"};
    EXPECT_THROW(train_small(name, method), Interrupted);
    EXPECT_EQ(read_json_file(directory_.path() / name / "run.json").text_or("status", ""), "interrupted");
    EXPECT_EQ(TrainingProgress::from_node(*last(name).info.find("progress")).step, step + 1);
    clear_interrupt();
    resume(directory_.path() / name);
    train_small(name + "-whole", {"balancing={method: signalling, step: -1}"});
    expect_same(last(name), last(name + "-whole"));
  }
}

TEST_F(TrainerTest, ResumesWithEveryKindOfState) {
  const std::vector<std::vector<std::string>> settings = {
      {"optimizer={type: sgd, lr: 0.01, momentum: 0.9}", "schedule={type: plateau, patience: 0}"},
      {"optimizer={type: adam, lr: 0.01}", "train.accumulate=2", "schedule={type: one_cycle}"},
      {"balancing={method: random}"},
      {"data.sampler={type: balanced, task: kind}"},
      {"model.freeze=[{pattern: 'backbone.*', from: 1, to: 2}]"},
  };
  for (size_t i = 0; i < settings.size(); ++i) {
    SCOPED_TRACE(settings[i].front());
    const std::string name = "state" + std::to_string(i);
    auto overrides = settings[i];
    overrides.push_back(kInterrupting);
    train_small(name + "-whole", overrides);
    // The same run, interrupted inside its second epoch and resumed.
    interrupt_at = 9;
    EXPECT_THROW(train_small(name, overrides), Interrupted);
    interrupt_at = -1;
    clear_interrupt();
    resume(directory_.path() / name);
    expect_same(last(name), last(name + "-whole"));
  }
}

TEST_F(TrainerTest, ResumesWithEveryBalancingMethod) {
  for (const std::string& method : balancers().names()) {
    if (method == "signal") continue;
    SCOPED_TRACE(method);
    std::string section = "{method: " + method;
    if (method == "fixed") section += ", weights: [1, 2]";
    if (method == "crmogm") section += ", inner: {method: upgrad, every: 2}";
    if (method == "nash") section += ", every: 3";
    const std::vector<std::string> overrides = {"balancing=" + section + "}", kInterrupting, "train.epochs=2",
                                                "data.batch_size=24"};
    train_small(method + "-whole", overrides);
    interrupt_at = 7;
    EXPECT_THROW(train_small(method, overrides), Interrupted);
    interrupt_at = -1;
    clear_interrupt();
    resume(directory_.path() / method);
    expect_same(last(method), last(method + "-whole"));
  }
}

TEST_F(TrainerTest, MethodsThatKeepColumnsRefuseFreezingByEpoch) {
  for (const char* method : {"{method: moco}", "{method: gradvac, groups: layer}"}) {
    const std::vector<std::string> overrides = {std::string("balancing=") + method,
                                                "model.freeze=[{pattern: 'backbone.*', from: 1, to: 2}]"};
    EXPECT_THROW(train_small("frozen", overrides), InputError) << method;
  }
}

TEST_F(TrainerTest, GoesOnFromStepZeroWithoutACheckpoint) {
  train_small("whole");
  train_small("cut");
  std::filesystem::remove_all(directory_.path() / "cut" / "checkpoints");
  std::filesystem::create_directory(directory_.path() / "cut" / "checkpoints");
  resume(directory_.path() / "cut");
  expect_same(last("cut"), last("whole"));
}

TEST_F(TrainerTest, ResumingAFinishedRunEvaluatesItAgain) {
  const auto first = train_small("run");
  const auto again = resume(directory_.path() / "run");
  EXPECT_EQ(again.progress.step, first.progress.step);
  EXPECT_EQ(again.test->find("kind/accuracy", again.tasks).value, first.test->find("kind/accuracy", first.tasks).value);
}

TEST_F(TrainerTest, ARunDoesNotGoOnWithOtherData) {
  train_small("run");
  auto facts = file("run", "run.json");
  facts.replace(facts.find("300 rows"), 8, "299 rows");
  write_file_atomically(directory_.path() / "run" / "run.json", facts);
  try {
    resume(directory_.path() / "run");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("tabular has changed since the run began"));
  }
}

TEST_F(TrainerTest, ADirectoryInUseIsRefused) {
  train_small("run");
  const auto held = RunDirectory::open(directory_.path() / "run");
  try {
    resume(directory_.path() / "run");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("in use by a live process"));
  }
}

TEST_F(TrainerTest, AnOccupiedDirectoryIsNotOverwritten) {
  train_small("run");
  try {
    train_small("run");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("--resume"));
  }
}

TEST_F(TrainerTest, NotFiniteLossesFollowThePolicy) {
  const std::vector<std::string> spoilt = {"model.backbone={type: spoilt, step: 3}"};
  try {
    train_small("stop", spoilt);
    FAIL();
  } catch (const WorkError& e) {
    EXPECT_THAT(e.what(), HasSubstr("step 3"));
    EXPECT_THAT(e.what(), HasSubstr("kind, yield"));
  }
  EXPECT_EQ(read_json_file(directory_.path() / "stop" / "run.json").text_or("status", ""), "failed");
  auto skip = spoilt;
  skip.push_back("train.on_nan=skip_step");
  const auto skipped = train_small("skip", skip);
  EXPECT_EQ(skipped.progress.skipped_steps, 1);
  for (const auto& [name, tensor] : last("skip").part("model."))
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  skip.back() = "train.on_nan=skip_task";
  const auto dropped = train_small("task", skip);
  EXPECT_EQ(dropped.progress.dropped_losses, 2);
}

TEST_F(TrainerTest, NotFiniteGradientsFollowThePolicy) {
  const std::vector<std::string> spoilt = {"model.backbone={type: spoilt, step: 2, gradient_only: true}"};
  try {
    train_small("stop", spoilt);
    FAIL();
  } catch (const WorkError& e) {
    EXPECT_THAT(e.what(), HasSubstr("gradient"));
  }
  auto skip = spoilt;
  skip.push_back("train.on_nan=skip_step");
  EXPECT_EQ(train_small("skip", skip).progress.skipped_steps, 1);
  skip.push_back("balancing={method: mgda}");
  EXPECT_EQ(train_small("mgda", skip).progress.skipped_steps, 1);
  skip[1] = "train.on_nan=skip_task";
  const auto dropped = train_small("mgda_tasks", skip);
  EXPECT_EQ(dropped.progress.skipped_steps, 0);
  EXPECT_EQ(dropped.progress.dropped_losses, 2);
}

TEST_F(TrainerTest, StopsEarly) {
  const auto result = train_small("run", {"train.epochs=60", "train.early_stop={patience: 2, min_delta: 10}"});
  EXPECT_TRUE(result.stopped_early);
  EXPECT_EQ(result.progress.epoch, 3);
}

TEST_F(TrainerTest, StopsAtMaxSteps) { EXPECT_EQ(train_small("run", {"train.max_steps=7"}).progress.step, 7); }

TEST_F(TrainerTest, MonitorsWhatItIsTold) {
  EXPECT_EQ(train_small("acc", {"train.monitor=val/kind/accuracy"}).monitor, "val/kind/accuracy");
  try {
    train_small("bad", {"train.monitor=val/kind/acuracy"});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("did you mean \"kind/accuracy\""));
  }
  try {
    train_small("none", {"train.monitor=val/kind/accuracy", "data.split={validation: 0}"});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("needs validation rows"));
  }
  EXPECT_EQ(train_small("train", {"data.split={validation: 0}"}).monitor, "train/loss");
}

TEST_F(TrainerTest, AccumulationOverTheWholeSetEqualsOneBatch) {
  const std::vector<std::string> common = {"data.split={validation: 0, test: 0}",
                                           "data.count=64",
                                           "data.sampler={type: sequential}",
                                           "model.backbone.dropout=0",
                                           "balancing={method: equal}",
                                           "train.epochs=3",
                                           "optimizer={type: sgd, lr: 0.05, momentum: 0.9}"};
  auto one = common, two = common;
  one.push_back("data.batch_size=64");
  two.push_back("data.batch_size=32");
  two.push_back("train.accumulate=2");
  train_small("one", one);
  train_small("two", two);
  const auto a = last("one").part("model."), b = last("two").part("model.");
  for (const auto& [name, tensor] : a) EXPECT_TRUE(tensor.allclose(b.at(name), 1e-4, 1e-6)) << name;
}

TEST_F(TrainerTest, ACheckpointOfAnotherModelIsRefused) {
  train_small("run");
  auto yaml = file("run", "config.yaml");
  yaml.replace(yaml.find("hidden: [16]"), 12, "hidden: [17]");
  write_file_atomically(directory_.path() / "run" / "config.yaml", yaml);
  try {
    resume(directory_.path() / "run");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("backbone"));
    EXPECT_THAT(e.what(), HasSubstr("[16"));
  }
}

TEST_F(TrainerTest, CheckLeavesNothingBehind) {
  const auto report = check(configuration(small_experiment()));
  EXPECT_EQ(report.train_rows + report.validation_rows + report.test_rows, 300);
  EXPECT_EQ(report.step.gradient_norms.size(), 2u);
  EXPECT_EQ(report.evaluated, (std::vector<std::string>{"validation", "test"}));
}

TEST_F(TrainerTest, ClippingBoundsEveryNorm) {
  auto session = open_session(resolve_experiment(
      configuration(small_experiment(), {"train.clip={shared: 0.01, heads: 0.02}", "data.batch_size=16"})));
  GroupedOptimizer optimizer(session.experiment.optimizer, session.model->model_parameters(), {}, session.task_names());
  Random random(1);
  Stepper stepper(session, optimizer, random);
  const std::vector<int64_t> rows(session.data.split.train.begin(), session.data.split.train.begin() + 16);
  stepper.step({session.data.dataset->batch(rows)}, LossState(), false);
  double shared = 0;
  std::vector<double> heads(2, 0.0);
  for (const auto& p : session.model->model_parameters()) {
    const double square = std::pow(p.tensor.grad().norm().item<double>(), 2);
    (p.role == Role::shared ? shared : heads[static_cast<size_t>(p.task)]) += square;
  }
  EXPECT_NEAR(std::sqrt(shared), 0.01, 1e-5);
  for (const double head : heads) EXPECT_LE(std::sqrt(head), 0.02 + 1e-5);
}

}  // namespace
}  // namespace polytask
