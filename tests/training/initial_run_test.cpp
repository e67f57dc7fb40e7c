#include <polytask/io/atomic_file.h>
#include <polytask/training/initial_run.h>

#include <training/run_fixture.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const char* kFirst = R"(
name: first
seed: 7
device: cpu
threads: 1
data: {source: tabular, count: 200, batch_size: 32, split: {validation: 0.2}}
model: {backbone: {type: mlp, hidden: [12], batch_norm: true, dropout: 0.1}}
tasks:
  kind: {type: classification, target: kind, head: {type: mlp, hidden: [6], batch_norm: true}}
  strength: {type: regression, target: strength}
optimizer: {type: adamw, lr: 1e-2, weight_decay: 0.1}
train: {epochs: 2}
tracking: {tensorboard: false}
)";

class InitialRunTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    train_run("first", kFirst, {});
  }
  // What starts from the first run: other rows of the same table, a new task.
  std::vector<std::string> second(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> overrides = {"model.init_from=" + path("first"), "seed=11",
                                          "tasks.price={type: regression, target: price}"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return overrides;
  }
  Session open(const std::vector<std::string>& overrides) const {
    return open_session(resolve_experiment(configuration(kFirst, overrides)));
  }
  std::string refused(const std::vector<std::string>& overrides) const {
    return refusal_of([&] { open(overrides); });
  }
  Checkpoint best(const std::string& run) const { return load_checkpoint(find_checkpoint(path(run), "best")); }
};

TEST_F(InitialRunTest, TakesTrunkAndKnownHeadsAndFacts) {
  const Checkpoint from = best("first");
  const Session session = open(second());
  const auto fresh = open({"seed=11", "tasks.price={type: regression, target: price}"}).model->state();
  const auto saved = from.part("model.");
  size_t compared = 0;
  for (const auto& [name, tensor] : session.model->state()) {
    const bool is_new = name.rfind("heads.price.", 0) == 0;
    EXPECT_TRUE(tensor.equal(is_new ? fresh.at(name) : saved.at(name))) << name;
    compared += is_new ? 0 : 1;
  }
  EXPECT_EQ(compared, saved.size());
  expect_equal(session.preprocess[0].state(), from.part("preprocess.0."));
  for (const size_t t : {0, 1})
    EXPECT_EQ(write_json(session.tasks[t]->state()),
              write_json(*from.info.find("tasks")->find(session.tasks[t]->name())));
  EXPECT_NE(session.tasks[2]->state().find("mean")->items()[0].text(), "0");
}

// The rows are the same where the table has a seed of its own, but another split seed divides them differently.
TEST_F(InitialRunTest, WarnsWhereRowsOfTheRunMayBeTestRowsHere) {
  train_run("made", kFirst, {"data.seed=3"});
  const auto warnings = [&](const std::vector<std::string>& more) {
    std::vector<std::string> overrides = {"model.init_from=" + path("made"), "data.seed=3", "seed=11"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return open(overrides).data.warnings;
  };
  EXPECT_THAT(warnings({}), testing::ElementsAre(HasSubstr("set data.split.seed: 7")));
  EXPECT_THAT(warnings({"data.split.seed=7"}), testing::IsEmpty());
  EXPECT_THAT(warnings({"data.seed=4"}), testing::IsEmpty());
}

TEST_F(InitialRunTest, FrozenTasksPredictTheSameBitForBit) {
  const std::vector<std::string> methods = {"method: equal", "method: uncertainty", "method: mgda", "method: graddrop",
                                            "method: upgrad, scope: [representation]"};
  for (const std::string& method : methods) {
    SCOPED_TRACE(method);
    const std::string run = "second-" + std::to_string(&method - methods.data());
    train_run(run, kFirst,
              second({"model.freeze=['backbone.*', 'heads.kind.*', 'heads.strength.*']", "train.epochs=3",
                      "balancing={" + method + "}"}));
    Predictor before(path("first")), after(path(run), "last");
    const at::Tensor raw = at::randn({40, before.input().shape[0]}).abs();
    const auto a = before.predict(raw), b = after.predict(raw);
    for (const char* task : {"kind", "strength"}) EXPECT_TRUE(a.task(task).values.equal(b.task(task).values)) << task;
    const auto start = open(second()).model->state().at("heads.price.fc.weight");
    EXPECT_FALSE(last(run).tensors.at("model.heads.price.fc.weight").equal(start));
  }
}

TEST_F(InitialRunTest, IsNotNeededAnyMoreOnceARunHasACheckpoint) {
  const auto overrides = second({"model.backbone.dropout=0.3", "train.epochs=3"});
  train_run("whole", kFirst, overrides);
  EXPECT_THAT(read_file(path("whole") + "/config.yaml"), HasSubstr("init_from: " + path("first")));
  std::filesystem::rename(path("first"), path("moved"));
  EXPECT_THAT(refused(overrides), HasSubstr("first: is no run directory"));
  const auto again = resume(path("whole"));
  EXPECT_EQ(again.progress.epoch, 3);
  EXPECT_EQ(Predictor(path("whole")).tasks().size(), 3U);
}

TEST_F(InitialRunTest, ResumesBitForBit) {
  const std::string backbone = "{type: interrupting, inner: {type: mlp, hidden: [8], batch_norm: true, dropout: 0.2}}";
  train_run("base", kFirst, {"model.backbone=" + backbone});
  const std::vector<std::string> overrides = {"model.backbone=" + backbone, "model.init_from=" + path("base"),
                                              "model.freeze=['backbone.*']", "train.epochs=3",
                                              "tasks.price={type: regression, target: price}"};
  train_run("whole", kFirst, overrides);
  train_with_a_break("cut", kFirst, overrides, 7);
  expect_same_state(last("cut"), last("whole"));
}

TEST_F(InitialRunTest, SaysWhatWasLoadedLeftOutAndNew) {
  const InitialRun run(path("first"));
  EXPECT_TRUE(run.has_task("kind"));
  EXPECT_FALSE(run.has_task("price"));
  Session session =
      open({"tasks={strength: {type: regression, target: strength}, price: {type: regression, target: "
            "price}}"});
  const auto text = run.load_model(*session.model);
  // Backbone: weight, bias and five of its normalisation; the head of strength has two.
  EXPECT_THAT(text, HasSubstr("best.safetensors: 9 tensors loaded"));
  EXPECT_THAT(text, HasSubstr("9 left out, of tasks that are not in this configuration: heads.kind."));
  EXPECT_THAT(text, HasSubstr("heads.kind.hidden.0.bn.running_mean"));
  EXPECT_THAT(text, HasSubstr("2 initialised anew, of new tasks: heads.price.fc.bias, heads.price.fc.weight"));
}

TEST_F(InitialRunTest, RefusesAnotherTrunkAndOtherHeads) {
  EXPECT_THAT(refused(second({"model.backbone.hidden=[13]"})),
              AllOf(HasSubstr("model.init_from"), HasSubstr("best.safetensors"),
                    HasSubstr("backbone.hidden.0.fc.weight ([12, "), HasSubstr("[13, ")));
  EXPECT_THAT(refused(second({"model.backbone.batch_norm=false"})),
              HasSubstr("unknown to the model: backbone.hidden.0.bn.bias"));
  EXPECT_THAT(refused(second({"model.shared_layer.size=4"})), HasSubstr("missing in the file: "));
  EXPECT_THAT(refused(second({"tasks.kind.head.hidden=[7]"})),
              AllOf(HasSubstr("heads.kind.hidden.0.fc.weight"), HasSubstr("a name of its own")));
}

TEST_F(InitialRunTest, RefusesOtherInputs) {
  EXPECT_THAT(
      refused(second({"data={source: implants, count: 40}", "tasks={make: {type: classification, target: company}}"})),
      AllOf(HasSubstr("image"), HasSubstr("trained on")));
  EXPECT_THAT(refused(second({"data.features=9"})), HasSubstr("trained on"));
  // As many columns, but not the same ones.
  train_run("base", kFirst, {"tasks.material={type: classification, target: material}"});
  EXPECT_THAT(refused({"model.init_from=" + path("base"), "data.split={validation: 0.3, group: quality}"}),
              AllOf(HasSubstr("\"material\""), HasSubstr("trained on \"quality\"")));
}

TEST_F(InitialRunTest, RefusesATargetThatTheRunReads) {
  EXPECT_THAT(refused(second({"tasks.x={type: regression, target: x1}"})),
              AllOf(HasSubstr("tasks.x"), HasSubstr("\"x1\" is an input of the run"), HasSubstr(path("first"))));
}

TEST_F(InitialRunTest, RefusesATaskThatIsSomethingElseNow) {
  EXPECT_THAT(
      refused(second({"tasks.strength={type: binary, target: defect}"})),
      AllOf(HasSubstr("tasks.strength: type is \"binary\" here, but \"regression\""), HasSubstr("another name")));
  EXPECT_THAT(refused(second({"tasks.strength.log=true"})), HasSubstr("log is \"true\" here, but \"false\""));
  EXPECT_THAT(refused(second({"tasks.strength.standardise=false"})), HasSubstr("standardise is \"false\" here"));
  EXPECT_THAT(refused(second({"tasks.kind.class_names=[a, b, d, c]"})),
              AllOf(HasSubstr("class_names"), HasSubstr("a, b, c, d")));
}

TEST_F(InitialRunTest, RefusesTwoStartsAndWhatIsNoRun) {
  EXPECT_THAT(
      refusal_of([&] { resolve_experiment(configuration(kFirst, second({"model.weights.path=w.safetensors"}))); }),
      AllOf(HasSubstr("init_from"), HasSubstr("weights.path")));
  EXPECT_THAT(refused({"model.init_from=" + path("nowhere")}),
              AllOf(HasSubstr("model.init_from: "), HasSubstr("is no run directory")));
  EXPECT_THAT(refused({"model.init_form=" + path("first")}), HasSubstr("did you mean \"init_from\""));
  EXPECT_THAT(refusal_of([&] { resolve_experiment(configuration(kFirst, {"model.init_from=[a]"})); }),
              HasSubstr("model.init_from"));
}

// Tables whose rows hold some of the classes only.
TEST_F(InitialRunTest, ClassesKeepTheirPlaces) {
  const auto table = [&](const std::string& name, const std::vector<std::string>& kinds) {
    std::string text = "x1,x2,kind,more\n";
    for (int i = 0; i < 48; ++i)
      text += fmt::format("{},{},{},{}\n", i % 7, i % 5, kinds[static_cast<size_t>(i) % kinds.size()], i % 2);
    write_file_atomically(path(name), text);
    return "data={source: table, path: " + path(name) + ", exclude: [more], batch_size: 16, split: {validation: 0.25}}";
  };
  const std::string kind = "tasks={kind: {type: classification, target: kind}";
  train_run("abc", kFirst, {table("abc.csv", {"a", "b", "c"}), kind + "}", "train.epochs=1"});
  const auto with_more = kind + ", more: {type: binary, target: more}}";
  const std::string from = "model.init_from=" + path("abc");
  const Session session = open({table("ca.csv", {"c", "a"}), with_more, from});
  EXPECT_THAT(session.tasks[0]->class_names(), testing::ElementsAre("a", "b", "c"));
  const auto& values = session.data.dataset->targets().at("kind").values;
  EXPECT_EQ(values[0].item<int64_t>(), 2);
  EXPECT_EQ(values[1].item<int64_t>(), 0);
  EXPECT_THAT(refused({table("cad.csv", {"c", "a", "d"}), with_more, from}),
              AllOf(HasSubstr("\"d\""), HasSubstr("no class of task \"kind\"")));
}

TEST_F(InitialRunTest, BuffersBelongToWhomTheirModuleDoes) {
  const Session session = open({});
  const auto owners = owners_of(*session.model);
  EXPECT_EQ(owners.size(), session.model->state().size());
  EXPECT_EQ(owners.at("heads.kind.hidden.0.bn.running_var"), "kind");
  EXPECT_EQ(owners.at("backbone.hidden.0.bn.running_var"), "");
  EXPECT_EQ(owners.at("heads.strength.fc.bias"), "strength");
}

}  // namespace
}  // namespace polytask
