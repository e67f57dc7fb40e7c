#include <polytask/io/atomic_file.h>
#include <polytask/training/evaluation.h>
#include <polytask/training/known_classes.h>
#include <polytask/training/open_run.h>

#include <training/layer_source.h>
#include <training/run_fixture.h>

#include <ATen/ATen.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// A run on the cover of pictures, evaluated where the layer's classes are others.
class KnownLayerClassesTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    register_layer_source();
  }
  void train_cover(const std::vector<std::string>& overrides = {}) {
    train_run("run", R"(
name: cover
seed: 3
device: cpu
threads: 1
data: {source: layered, count: 12, batch_size: 4, split: {validation: 0.25}}
model: {backbone: {type: unet, width: 2, depth: 1}}
tasks:
  cover: {type: segmentation, target: cover, head: {type: unet_decoder}}
train: {epochs: 1}
tracking: {tensorboard: false}
)",
              overrides);
  }
  Session open(const std::string& cover, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> overrides = {"data.cover=" + cover};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return open_run(path("run"), "last", overrides).session;
  }
  std::string refused(const std::string& cover, const std::vector<std::string>& more = {}) const {
    return refusal_of([&] { open(cover, more); });
  }
  static std::string figures(Session& session) {
    const auto& rows = session.data.split.validation;
    return write_json(to_node(evaluate(session, *session.data.dataset, rows, "validation"), session.task_names()));
  }
};

TEST_F(KnownLayerClassesTest, AreNumberedAsInTheRun) {
  train_cover();
  Session same = open("[dark, bright]"), other = open("[bright, dark]");
  EXPECT_THAT(other.tasks[0]->class_names(), ElementsAre("dark", "bright"));
  EXPECT_THAT(other.data.dataset->targets().at("cover").class_names, ElementsAre("dark", "bright"));
  const std::vector<int64_t> rows = {0, 1, 2};
  EXPECT_TRUE(
      other.data.dataset->batch(rows).targets.at("cover").equal(same.data.dataset->batch(rows).targets.at("cover")));
  EXPECT_EQ(figures(other), figures(same));
}

TEST_F(KnownLayerClassesTest, RefuseLayersThatDoNotFit) {
  train_cover();
  EXPECT_THAT(refused("[dark, bright, grey]"),
              AllOf(HasSubstr("layer \"cover\" has classes that the run does not know: grey; it knows dark, bright"),
                    HasSubstr("tasks.cover.class_names: [dark, bright]")));
  EXPECT_THAT(refused("[bright, grey]"), HasSubstr("\"dark\" is no class of layer \"cover\""));
  EXPECT_THAT(refused("[]"), HasSubstr("holds numbers without names, where the run knows the classes dark, bright"));
  EXPECT_THAT(refused("[dark, bright]", {"tasks.cover.class_names=[bright, dark]"}),
              HasSubstr("class_names must be the state's"));
  EXPECT_THAT(open("[grey, bright, dark]", {"tasks.cover.class_names=[dark, bright]"}).tasks[0]->class_names(),
              ElementsAre("dark", "bright"));
}

TEST_F(KnownLayerClassesTest, NumbersStayNumbers) {
  train_cover({"data.cover=[]", "tasks.cover.classes=2"});
  Session session = open("[]");
  EXPECT_THAT(session.tasks[0]->class_names(), ElementsAre("0", "1"));
  EXPECT_THAT(refused("[dark, bright]"), HasSubstr("\"0\" is no class of layer \"cover\""));
}

// The same of a column whose files hold other classes each.
class KnownColumnClassesTest : public RunTest {
 protected:
  std::string table(const std::string& name, const std::vector<std::string>& kinds) const {
    std::string text = "x1,x2,kind\n";
    for (size_t i = 0; i < 48; ++i) text += fmt::format("{},{},{}\n", i % 7, i % 5, kinds[i % kinds.size()]);
    write_file_atomically(path(name), text);
    return "data.path=" + path(name);
  }
  void train_on(const std::string& assignment, const std::vector<std::string>& more = {}) {
    std::vector<std::string> overrides = {assignment};
    overrides.insert(overrides.end(), more.begin(), more.end());
    train_run("run", R"(
name: kinds
device: cpu
threads: 1
data: {source: table, batch_size: 16, split: {validation: 0.25}}
model: {backbone: {type: mlp, hidden: [4]}}
tasks: {kind: {type: classification, target: kind}}
train: {epochs: 1}
tracking: {tensorboard: false}
)",
              overrides);
  }
  int64_t first_label(const std::string& assignment) const {
    const auto opened = open_run(path("run"), "last", {assignment});
    return opened.session.data.dataset->targets().at("kind").values[0].item<int64_t>();
  }
};

TEST_F(KnownColumnClassesTest, AreNumberedAsInTheRun) {
  train_on(table("abc.csv", {"a", "b", "c"}));
  EXPECT_EQ(first_label(table("ca.csv", {"c", "a"})), 2);
  EXPECT_THAT(refusal_of([&] {
                first_label(table("cad.csv", {"c", "a", "d"}));
              }),
              AllOf(HasSubstr("\"d\""), HasSubstr("no class of task \"kind\"")));
  EXPECT_THAT(refusal_of([&] {
                first_label(table("numbers.csv", {"0", "1"}));
              }),
              HasSubstr("\"kind\" holds numbers, where the run knows the classes a, b, c"));
}

TEST_F(KnownColumnClassesTest, NumbersAreLabelsOrIndices) {
  train_on(table("labels.csv", {"3", "7", "9"}));
  EXPECT_EQ(first_label(table("some.csv", {"9", "3"})), 2);
  std::filesystem::remove_all(path("run"));
  train_on(table("indices.csv", {"0", "1", "2"}), {"tasks.kind.classes=4"});
  EXPECT_EQ(first_label(table("other.csv", {"3", "0"})), 3);
}

TEST(KnownClasses, ReplaceThoseOfTheRequest) {
  TargetRequest request{"t", TargetKind::classes, {"x"}, {}, 2};
  EXPECT_THAT(with_known_classes(request, {}).class_names, testing::IsEmpty());
  EXPECT_THAT(with_known_classes(request, {"0", "1"}).class_names, testing::IsEmpty()) << "labels are indices";
  EXPECT_THAT(with_known_classes(request, {"a", "b"}).class_names, ElementsAre("a", "b"));
  request.dense = true;
  EXPECT_THAT(with_known_classes(request, {"0", "1"}).class_names, ElementsAre("0", "1"));
  request.kind = TargetKind::real;
  EXPECT_THAT(with_known_classes(request, {"a", "b"}).class_names, testing::IsEmpty());
}

}  // namespace
}  // namespace polytask
