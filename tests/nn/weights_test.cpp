#include "support.h"

#include <polytask/io/safetensors.h>
#include <polytask/nn/weights.h>

#include <support/temporary_directory.h>

namespace polytask {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kSection = "{backbone: {type: mlp, hidden: [5], batch_norm: true}}";

std::shared_ptr<Model> make(uint64_t seed = 1, const std::string& section = kSection) {
  return create_model(yaml(section), context_of({4}, {{"a", 2, {}}, {"b", 1, {}}}, seed));
}

class Weights : public testing::Test {
 protected:
  // The backbone's state under other names, as a file: "net.hidden.0.fc.weight", …, and more.
  std::string write(const NamedTensors& more = {}, const std::string& without = "") {
    NamedTensors tensors = more;
    for (const auto& [name, tensor] : source_->state())
      if (name.rfind("backbone.", 0) == 0 && name != without) tensors.emplace("net." + name.substr(9), tensor.detach());
    const std::string path = (directory_.path() / "net.safetensors").string();
    write_safetensors(path, tensors);
    return path;
  }
  WeightsOptions options(const std::string& path) {
    WeightsOptions result;
    result.path = path;
    result.map = {{"net.", "backbone."}};
    return result;
  }
  bool backbone_is_loaded() {
    return at::equal(model_->state().at("backbone.hidden.0.fc.weight"),
                     source_->state().at("backbone.hidden.0.fc.weight"));
  }

  TemporaryDirectory directory_;
  std::shared_ptr<Model> source_ = make(1), model_ = make(2);
};

TEST_F(Weights, LoadThroughTheMap) {
  const at::Tensor head = model_->state().at("heads.a.fc.weight").detach().clone();
  ASSERT_FALSE(backbone_is_loaded());
  const WeightsReport report = load_weights(*model_, options(write()));
  EXPECT_TRUE(backbone_is_loaded());
  EXPECT_TRUE(at::equal(model_->state().at("heads.a.fc.weight"), head));
  EXPECT_EQ(report.loaded.size(), 7U);
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_EQ(report.text(), "7 tensors loaded");
}

TEST_F(Weights, LoadAWholeModelWithoutAMap) {
  const std::string path = (directory_.path() / "all.safetensors").string();
  write_safetensors(path, source_->state());
  WeightsOptions all;
  all.path = path;
  EXPECT_EQ(load_weights(*model_, all).loaded.size(), source_->state().size());
  EXPECT_TRUE(at::equal(model_->state().at("heads.b.fc.weight"), source_->state().at("heads.b.fc.weight")));
}

TEST_F(Weights, AStarLoadsIntoEveryTasksNetwork) {
  const std::string path = write();
  const auto stitched = make(2, "{sharing: cross_stitch, backbone: {type: mlp, hidden: [5, 3], batch_norm: true}}");
  WeightsOptions all = options(path);
  all.map = {{"net.", "encoders.*."}};
  EXPECT_THAT(input_error([&] { load_weights(*stitched, all); }),
              AllOf(HasSubstr("encoders.a.hidden.1.fc.bias"), HasSubstr("encoders.b.hidden.1.bn.bias"),
                    HasSubstr("14 in all"), Not(HasSubstr("units"))));
  all.strict = false;
  EXPECT_EQ(load_weights(*stitched, all).loaded.size(), 14U);
  const NamedTensors s = stitched->state();
  for (const char* name : {"encoders.a.hidden.0.fc.weight", "encoders.b.hidden.0.fc.weight"})
    EXPECT_TRUE(at::equal(s.at(name), source_->state().at("backbone.hidden.0.fc.weight"))) << name;
}

TEST_F(Weights, StrictNamesEverythingThatIsWrong) {
  const std::string path =
      write({{"fc.weight", at::zeros({3})}, {"net.hidden.0.fc.bias", at::zeros({9})}}, "backbone.hidden.0.bn.weight");
  EXPECT_THAT(
      input_error([&] { load_weights(*model_, options(path)); }),
      AllOf(HasSubstr("net.safetensors"), HasSubstr("missing in the file: backbone.hidden.0.bn.weight"),
            HasSubstr("unknown to the model: fc.weight"),
            HasSubstr("net.hidden.0.fc.bias ([9] in the file, [5] in the model)"), HasSubstr("weights.strict")));
  EXPECT_FALSE(backbone_is_loaded());
}

TEST_F(Weights, NotStrictLoadsWhatFitsAndSaysTheRest) {
  WeightsOptions loose = options(
      write({{"fc.weight", at::zeros({3})}, {"net.hidden.0.fc.bias", at::zeros({9})}}, "backbone.hidden.0.bn.weight"));
  loose.strict = false;
  const WeightsReport report = load_weights(*model_, loose);
  EXPECT_TRUE(backbone_is_loaded());
  EXPECT_EQ(report.loaded.size(), 5U);
  EXPECT_THAT(report.skipped, ElementsAre("fc.weight"));
  EXPECT_THAT(report.missing, ElementsAre("backbone.hidden.0.bn.weight"));
  EXPECT_THAT(report.mismatched, ElementsAre("net.hidden.0.fc.bias ([9] in the file, [5] in the model)"));
  EXPECT_THAT(report.text(),
              AllOf(HasSubstr("5 tensors loaded"), HasSubstr("1 skipped: fc.weight"),
                    HasSubstr("1 missing in the file: backbone.hidden.0.bn.weight"), HasSubstr("1 of another shape")));
}

TEST_F(Weights, SkippedNamesAreNotMissed) {
  WeightsOptions skipping = options(write({{"fc.weight", at::zeros({3})}}));
  skipping.skip = {"fc.*", "*.bn.*"};
  const WeightsReport report = load_weights(*model_, skipping);
  EXPECT_EQ(report.loaded.size(), 2U);
  EXPECT_EQ(report.skipped.size(), 6U);
  EXPECT_THAT(report.missing, IsEmpty());
}

TEST_F(Weights, TwoTensorsForOneNameAreAnError) {
  WeightsOptions twice = options(write({{"old.hidden.0.fc.bias", at::zeros({5})}}));
  twice.map["old."] = "backbone.";
  EXPECT_THAT(input_error([&] { load_weights(*model_, twice); }),
              AllOf(HasSubstr("backbone.hidden.0.fc.bias"), HasSubstr("two tensors")));
}

TEST_F(Weights, AFileWithoutAnythingForTheModelIsAnErrorEvenWhereNotStrict) {
  WeightsOptions wrong = options(write());
  wrong.map.clear();
  wrong.strict = false;
  EXPECT_THAT(input_error([&] { load_weights(*model_, wrong); }), HasSubstr("none of its 7 tensors"));
}

TEST_F(Weights, HalfPrecisionFilesAreConverted) {
  NamedTensors half;
  for (const auto& [name, tensor] : source_->state())
    half[name] = tensor.is_floating_point() ? tensor.detach().to(at::kHalf) : tensor;
  const std::string path = (directory_.path() / "half.safetensors").string();
  write_safetensors(path, half);
  WeightsOptions all;
  all.path = path;
  load_weights(*model_, all);
  const at::Tensor loaded = model_->state().at("heads.a.fc.weight");
  EXPECT_EQ(loaded.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(loaded, source_->state().at("heads.a.fc.weight"), 1e-3, 1e-3));
}

TEST_F(Weights, ComeWithTheModelSection) {
  const std::string path = write();
  const std::string section = fmt::format(
      "{{backbone: {{type: mlp, hidden: [5], batch_norm: true}}, weights: {{path: \"{}\", map: {{net.: backbone.}}}}, "
      "freeze: [backbone.*]}}",
      path);
  model_ = make(2, section);
  EXPECT_TRUE(backbone_is_loaded());
  for (const auto& p : model_->model_parameters()) EXPECT_EQ(p.tensor.requires_grad(), p.role == Role::task) << p.name;
}

TEST_F(Weights, AMissingFileIsAnError) {
  const std::string path = (directory_.path() / "nowhere.safetensors").string();
  EXPECT_THAT(input_error([&] { load_weights(*model_, options(path)); }), HasSubstr("nowhere.safetensors"));
}

TEST(Freeze, FollowsTheEpochs) {
  const auto model = make();
  const auto rules = parse_freeze_rules(yaml("[{pattern: 'backbone.*', from: 1, to: 3}, 'heads.b.fc.bias']"));
  const auto frozen = [&] {
    std::vector<std::string> names;
    for (const auto& p : model->model_parameters())
      if (!p.tensor.requires_grad()) names.push_back(p.name);
    return names;
  };
  EXPECT_TRUE(apply_freeze_rules(*model, rules, 0));
  EXPECT_THAT(frozen(), ElementsAre("heads.b.fc.bias"));
  EXPECT_FALSE(apply_freeze_rules(*model, rules, 0));
  EXPECT_TRUE(apply_freeze_rules(*model, rules, 1));
  EXPECT_EQ(frozen().size(), 5U);
  EXPECT_FALSE(apply_freeze_rules(*model, rules, 2));
  EXPECT_TRUE(apply_freeze_rules(*model, rules, 3));
  EXPECT_THAT(frozen(), ElementsAre("heads.b.fc.bias"));
}

TEST(Freeze, LeavesParametersAloneThatNoRuleNames) {
  const auto model = make();
  model->state().at("heads.a.fc.bias").set_requires_grad(false);
  apply_freeze_rules(*model, parse_freeze_rules(yaml("[{pattern: 'backbone.*', from: 2}]")), 0);
  EXPECT_FALSE(model->state().at("heads.a.fc.bias").requires_grad());
}

TEST(Freeze, ParsesPatternsAndMaps) {
  EXPECT_THAT(parse_freeze_rules(Node()), IsEmpty());
  const auto rules = parse_freeze_rules(yaml("[a.*, {pattern: b, from: 2, to: 5}]"));
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].to, -1);
  EXPECT_EQ(rules[1].from, 2);
  const auto parse = [](const std::string& text) { return input_error([&] { parse_freeze_rules(yaml(text)); }); };
  EXPECT_THAT(parse("[{pattern: a, from: 3, to: 3}]"), HasSubstr("must be later than"));
  EXPECT_THAT(parse("[{from: 3}]"), HasSubstr("\"pattern\" is missing"));
  EXPECT_THAT(parse("[{pattern: a, until: 3}]"), HasSubstr("unknown key"));
  EXPECT_THAT(parse("['']"), HasSubstr("empty"));
  EXPECT_THAT(parse("{pattern: a}"), HasSubstr("expected a list"));
}

TEST(Freeze, APatternThatMatchesNothingIsAnError) {
  const std::string section = "{backbone: {type: mlp, hidden: [5]}, freeze: [encoder.*]}";
  EXPECT_THAT(input_error([&] { make(1, section); }),
              AllOf(HasSubstr("\"encoder.*\" matches no parameter"), HasSubstr("backbone.hidden.0.fc.weight")));
}

TEST(MatchesPattern, KnowsStarsAndQuestionMarks) {
  EXPECT_TRUE(matches_pattern("backbone.*", "backbone.a.b"));
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("*.b?.*", "layer1.0.bn.x.b1.weight"));
  EXPECT_TRUE(matches_pattern("a*b*c", "aXbbYbc"));
  EXPECT_TRUE(matches_pattern("abc", "abc"));
  EXPECT_FALSE(matches_pattern("abc", "abcd"));
  EXPECT_FALSE(matches_pattern("a?c", "ac"));
  EXPECT_FALSE(matches_pattern("*.bias", "a.weight"));
  EXPECT_FALSE(matches_pattern("backbone.*", "heads.backbone.x"));
  EXPECT_FALSE(matches_pattern("", "a"));
}

}  // namespace
}  // namespace polytask
