#include "support.h"

#include <polytask/allometry/allometry_coupling.h>
#include <polytask/allometry/couplings.h>
#include <polytask/config/yaml.h>
#include <polytask/io/atomic_file.h>
#include <polytask/io/json.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <support/temporary_directory.h>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <filesystem>

namespace polytask {
namespace {

using testing::HasSubstr;

// Predicts class probabilities where it has classes, and softplus of its output where not.
class FakeTask : public TaskType {
 public:
  FakeTask(const std::string& name, std::vector<std::string> classes, std::string unit)
      : TaskType(name), classes_(std::move(classes)), unit_(std::move(unit)) {}
  TargetRequest target_request() const override { return {}; }
  void fit(const Targets&, const std::vector<int64_t>&) override {}
  bool is_dense() const override { return true; }
  int64_t outputs() const override { return classes_.empty() ? 1 : static_cast<int64_t>(classes_.size()); }
  at::Tensor loss(const at::Tensor& output, const at::Tensor&, const at::Tensor&) const override {
    return output.sum();
  }
  at::Tensor predict(const at::Tensor& output) const override {
    return classes_.empty() ? at::softplus(output) : at::softmax(output, 1);
  }
  std::vector<std::string> prediction_names() const override { return {}; }
  std::vector<std::string> class_names() const override { return classes_; }
  std::string unit() const override { return unit_; }
  double kpi(const at::Tensor&, const at::Tensor&, const at::Tensor&) const override { return 0; }
  std::unique_ptr<TaskMetrics> make_metrics() const override { return nullptr; }
  Node state() const override { return Node::map_of(); }
  void load_state(const Node&) override {}

 private:
  std::vector<std::string> classes_;
  std::string unit_;
};

class TaskOfSamples : public FakeTask {
 public:
  using FakeTask::FakeTask;
  bool is_dense() const override { return false; }
};

class AllometryCouplingTest : public testing::Test {
 protected:
  AllometryCouplingTest() { at::manual_seed(1); }
  std::unique_ptr<Coupling> make(const std::string& yaml) {
    Node node = parse_yaml(yaml, "forest.yaml");
    node.set("type", Node::scalar_of("allometry"));
    for (const char* task : {"genus", "height", "biomass"}) node.set(task, Node::scalar_of(task));
    set_paths(node, "couplings.law");
    return couplings().create(node, "law");
  }
  std::unique_ptr<Coupling> attached(const std::string& yaml) {
    auto coupling = make(yaml);
    coupling->attach({&genus_, &height_, &biomass_});
    return coupling;
  }
  std::unique_ptr<Coupling> loaded_from(const Node& state, const std::string& yaml) {
    auto coupling = make(yaml);
    coupling->load_state(state);
    coupling->attach({&genus_, &height_, &biomass_});
    return coupling;
  }
  std::string write(const std::string& content) {
    const auto path = directory_.path() / "p.json";
    write_file_atomically(path, content);
    return path.string();
  }
  std::string file(const std::string& unit = "Mg/ha", const std::string& beta_of_fagus = "2.5") {
    return write(R"({"law": "power", "units": {"height": "m", "biomass": ")" + unit + R"("}, "min_height_m": 2,
"genera": {"Quercus": {"alpha": 0.3, "beta": 2}, "Pinus": {"alpha": 0.1, "beta": 1.5},
"Fagus": {"alpha": -0.2, "beta": )" +
                 beta_of_fagus + "}}}");
  }
  std::vector<at::Tensor> outputs(at::ScalarType type = at::kDouble) const {
    return {at::randn({2, 3, 4, 5}, type), 10 + 5 * at::randn({2, 1, 4, 5}, type),
            50 + 20 * at::randn({2, 1, 4, 5}, type)};
  }
  FakeTask genus_{"genus", {"Pinus", "Fagus", "Quercus"}, ""}, height_{"height", {}, "m"},
      biomass_{"biomass", {}, "Mg/ha"};
  TemporaryDirectory directory_;
};

TEST_F(AllometryCouplingTest, genera_are_matched_by_name) {
  const auto coupling = attached("{parameters: " + file() + "}");
  EXPECT_EQ(coupling->tasks(), (std::vector<std::string>{"genus", "height", "biomass"}));
  EXPECT_FALSE(coupling->needs_fit());
  // One pixel that is Quercus for certain, H = e² m, and biomass 60.
  auto logits = at::zeros({1, 3, 1, 1}, at::kDouble);
  logits[0][2] = 1000;
  const double h = std::exp(2.0);
  const auto inverse_softplus = [](double v) { return at::full({1, 1, 1, 1}, std::log(std::expm1(v)), at::kDouble); };
  const auto value = coupling->value({logits, inverse_softplus(h), inverse_softplus(60)}, {});
  EXPECT_NEAR(value.item<double>(), std::pow(std::log(60) - (0.3 + 2 * 2), 2), 1e-10);
}

TEST_F(AllometryCouplingTest, both_averages_and_pixels_without_data) {
  const auto o = outputs();
  auto low = o;
  low[1] = o[1].clone();
  low[1].narrow(2, 0, 2).fill_(-20);  // softplus: nearly 0 m
  const auto observed = at::ones({2, 4, 5}, at::kBool);
  observed.narrow(1, 3, 1).fill_(false);
  const double pixels = attached("{parameters: " + file() + "}")->value(low, observed).item<double>();
  const auto coupling = attached("{parameters: " + file() + ", average: active}");
  const double active = coupling->value(low, observed).item<double>();
  EXPECT_NEAR(pixels * 3, active, 1e-9) << "10 of 30 pixels with data are high enough";
  EXPECT_EQ(coupling->figures()[0], (std::pair<std::string, double>("active", 10)));
  EXPECT_FALSE(coupling->value(low, at::zeros({2, 4, 5}, at::kBool)).defined());
  low[1].fill_(-20);
  EXPECT_EQ(coupling->value(low, observed).item<double>(), 0);
}

TEST_F(AllometryCouplingTest, gradients_agree_with_differences) {
  for (const char* law : {"{alpha: 0.1, beta: 1.5, unit: Mg/ha}, law: power",
                          "{alpha: 0.1, beta: 1.5, gamma: -0.1, unit: Mg/ha}, law: quadratic",
                          "{alpha: 0.1, beta: 1.5, delta: 0.4, knot_m: 8, unit: Mg/ha}, law: segmented",
                          "{alpha: 4, beta: 1.5, k_m: 9, unit: Mg/ha}, law: asymptotic"}) {
    const auto coupling = attached(std::string("{parameters: ") + law + "}");
    const auto o = outputs();
    for (size_t t = 0; t < 3; ++t) {
      auto leaves = o;
      leaves[t] = o[t].clone().requires_grad_();
      coupling->value(leaves, {}).backward();
      const auto direction = at::randn_like(o[t]);
      const double step = 1e-5;
      auto up = o, down = o;
      up[t] = o[t] + step * direction;
      down[t] = o[t] - step * direction;
      const double slope = (coupling->value(up, {}) - coupling->value(down, {})).item<double>() / (2 * step);
      EXPECT_NEAR((leaves[t].grad() * direction).sum().item<double>(), slope, 1e-6 * (1 + std::abs(slope))) << law << t;
    }
  }
}

TEST_F(AllometryCouplingTest, different_shapes_of_genera_are_each_genus_own) {
  const Law& law = law_named("asymptotic", "test");
  const auto p = at::softmax(at::randn({1, 2, 2, 2}, at::kDouble), 1), x = at::randn({1, 2, 2}, at::kDouble);
  const auto mixed = log_biomass_mixture(make_parameters(law, {{5, 1.2, 6}, {4, 1.6, 11}}), p, x);
  const auto one = [&](double a, double b, double k) {
    return law.log_biomass(x, {at::tensor(a, at::kDouble), at::tensor(b, at::kDouble), at::tensor(k, at::kDouble)});
  };
  EXPECT_TRUE(at::allclose(mixed, p.select(1, 0) * one(5, 1.2, 6) + p.select(1, 1) * one(4, 1.6, 11)));
}

TEST_F(AllometryCouplingTest, finite_in_float32_at_the_ends) {
  const auto coupling = attached("{parameters: " + file() + ", min_height: 0}");
  for (const double logit : {0.0, 1e4, -1e30, 1e30})
    for (const double raw : {-200.0, -15.0, 0.0, 1e5}) {
      std::vector<at::Tensor> o = {at::zeros({1, 3, 2, 2}, at::kFloat), at::full({1, 1, 2, 2}, raw, at::kFloat),
                                   at::full({1, 1, 2, 2}, raw, at::kFloat)};
      o[0].select(1, 1).fill_(logit);
      for (auto& output : o) output.requires_grad_();
      const auto value = coupling->value(o, {});
      EXPECT_TRUE(std::isfinite(value.item<float>())) << logit << " " << raw;
      value.backward();
      for (const auto& output : o) EXPECT_TRUE(output.grad().isfinite().all().item<bool>()) << logit << " " << raw;
    }
}

TEST_F(AllometryCouplingTest, clamped_pixels_are_counted_and_give_no_gradient_to_biomass) {
  const auto coupling = attached("{parameters: " + file() + "}");
  auto o = outputs(at::kFloat);
  o[2] = at::full({2, 1, 4, 5}, -200, at::kFloat).requires_grad_();  // softplus is 0 there
  coupling->value(o, {}).backward();
  EXPECT_EQ(coupling->figures()[1].first, "clamped");
  EXPECT_EQ(coupling->figures()[1].second, coupling->figures()[0].second);
  EXPECT_EQ(o[2].grad().abs().max().item<float>(), 0);
}

TEST_F(AllometryCouplingTest, detached_tasks_get_no_gradient) {
  const auto coupling = attached("{parameters: " + file() + ", detach: [genus, height]}");
  auto o = outputs();
  for (auto& output : o) output.requires_grad_();
  coupling->value(o, {}).backward();
  EXPECT_FALSE(o[0].grad().defined());
  EXPECT_FALSE(o[1].grad().defined());
  EXPECT_GT(o[2].grad().abs().max().item<double>(), 0);
}

TEST_F(AllometryCouplingTest, is_fitted_on_training_targets_and_saved) {
  const auto coupling = attached("{parameters: training, pooling: none}");
  ASSERT_TRUE(coupling->needs_fit());
  const auto genus = at::randint(3, {4, 8, 8}, at::kLong);
  const auto height = 2 + 20 * at::rand({4, 8, 8});
  const auto slope = 1.5 + 0.5 * genus.to(at::kFloat);
  auto biomass = (0.4 + slope * height.log()).exp();
  biomass.narrow(1, 0, 1).fill_(1e9);  // masked out below
  const auto valid = at::ones({4, 8, 8}, at::kBool);
  valid.narrow(1, 0, 1).fill_(false);
  for (int64_t i = 0; i < 4; i += 2)
    coupling->observe(
        {genus.narrow(0, i, 2), height.narrow(0, i, 2).unsqueeze(1), biomass.narrow(0, i, 2).unsqueeze(1)},
        {{}, {}, valid.narrow(0, i, 2).unsqueeze(1)});
  coupling->finish_fit();
  EXPECT_FALSE(coupling->needs_fit());
  const Node state = coupling->state();
  const Node* genera = state.find("parameters")->find("genera");
  for (int g = 0; g < 3; ++g) {
    const Node* found = genera->find(genus_.class_names()[static_cast<size_t>(g)]);
    EXPECT_NEAR(json_number(*found->find("beta")), 1.5 + 0.5 * g, 1e-4);
    EXPECT_NEAR(json_number(*found->find("alpha")), 0.4, 1e-3);
  }
  const auto loaded = loaded_from(parse_json(write_json(state), "state"), "{parameters: training, pooling: none}");
  EXPECT_FALSE(loaded->needs_fit());
  const auto o = outputs();
  EXPECT_EQ(loaded->value(o, {}).item<double>(), coupling->value(o, {}).item<double>());
}

TEST_F(AllometryCouplingTest, a_loaded_run_keeps_the_parameters_it_began_with) {
  const std::string section = "{parameters: " + file() + "}";
  const auto first = attached(section);
  const auto o = outputs();
  const double value = first->value(o, {}).item<double>();
  file("Mg/ha", "2.9");
  EXPECT_NE(attached(section)->value(o, {}).item<double>(), value);
  const Node state = parse_json(write_json(first->state()), "state");
  EXPECT_EQ(loaded_from(state, section)->value(o, {}).item<double>(), value);
  std::filesystem::remove(directory_.path() / "p.json");
  EXPECT_EQ(loaded_from(state, section)->value(o, {}).item<double>(), value) << "without the file";
}

TEST_F(AllometryCouplingTest, a_loaded_run_takes_other_parameters_where_it_is_asked_to) {
  const auto first = attached("{parameters: " + file() + "}");
  const Node state = parse_json(write_json(first->state()), "state");
  const auto loaded = [&](const std::string& yaml) { return loaded_from(state, yaml); };
  const auto o = outputs();
  const std::string scalars = "{parameters: {alpha: 1, beta: 2, unit: Mg/ha}}";
  EXPECT_EQ(loaded(scalars)->value(o, {}).item<double>(), attached(scalars)->value(o, {}).item<double>());
  EXPECT_NE(loaded(scalars)->value(o, {}).item<double>(), first->value(o, {}).item<double>());
  EXPECT_THAT(message_of([&] { loaded("{parameters: nowhere.json}"); }), HasSubstr("nowhere.json"));
  EXPECT_THAT(message_of([&] { loaded("{parameters: training}"); }), HasSubstr("is not fitted anew"));
}

TEST_F(AllometryCouplingTest, corrections_lift_the_law_by_the_log_of_a_factor) {
  const auto with_factors = [&](const std::string& fagus) {
    return "{parameters: " + write(R"({"law": "power", "units": {"height": "m", "biomass": "Mg/ha"}, "min_height_m": 2,
"fixed_effects": {"factors": {"baskerville": 1.5, "duan": 1.25, "snowdon": null}},
"genera": {"Quercus": {"alpha": 0.3, "beta": 2, "factors": {"baskerville": 2, "duan": 3, "snowdon": 4}},
"Pinus": {"alpha": 0.1, "beta": 1.5, "factors": {"baskerville": 5, "duan": null, "snowdon": 7}},
"Fagus": {"alpha": -0.2, "beta": 2.5)" +
                                   fagus + "}}}");
  };
  auto o = outputs();
  o[1] = o[1].abs() + 3;  // the law applies everywhere
  const auto residual = [&](const std::string& correction) {
    return attached(with_factors("") + ", correction: " + correction + "}")->residual(o);
  };
  const at::Tensor shares = genus_.predict(o[0]);
  const auto lifted = [&](double pinus, double fagus, double quercus) {
    return shares.select(1, 0) * std::log(pinus) + shares.select(1, 1) * std::log(fagus) +
           shares.select(1, 2) * std::log(quercus);
  };
  EXPECT_TRUE(at::equal(residual("none"), attached(with_factors("") + "}")->residual(o)));
  EXPECT_TRUE(at::allclose(residual("none") - residual("baskerville"), lifted(5, 1.5, 2), 1e-9, 1e-12));
  EXPECT_TRUE(at::allclose(residual("none") - residual("duan"), lifted(1.25, 1.25, 3), 1e-9, 1e-12))
      << "a genus without a factor takes that of all rows";
  const auto refused = [&](const std::string& yaml) { return message_of([&] { attached(yaml); }); };
  EXPECT_THAT(refused(with_factors("") + ", correction: snowdon}"),
              testing::AllOf(HasSubstr("p.json"), HasSubstr("correction snowdon"), HasSubstr("Fagus"),
                             testing::Not(HasSubstr("Pinus"))));
  EXPECT_THAT(refused(with_factors(R"(, "factors": {"duan": 0})") + "}"),
              testing::AllOf(HasSubstr("p.json:5"), HasSubstr("above 0")));
  EXPECT_THAT(refused("{parameters: training, correction: duan}"), HasSubstr("allometry fit EXPERIMENT --training"));
  EXPECT_THAT(refused("{parameters: {alpha: 1, beta: 2, unit: Mg/ha}, correction: duan}"), HasSubstr("needs a fit"));
  EXPECT_THAT(refused("{parameters: training, correction: dunn}"), HasSubstr("did you mean \"duan\""));
}

TEST_F(AllometryCouplingTest, a_correction_of_training_targets_is_that_of_their_spread) {
  const auto genus = at::zeros({1, 40, 40}, at::kLong);
  const auto height = 2 + 20 * at::rand({1, 1, 40, 40}, at::kDouble);
  const auto biomass = (0.4 + 1.5 * height.log() + 0.6 * at::randn({1, 1, 40, 40}, at::kDouble)).exp();
  const FakeTask one("genus", {"Pinus"}, "");
  const auto fitted = [&](const std::string& correction) {
    auto coupling = make("{parameters: training, pooling: complete, correction: " + correction + "}");
    coupling->attach({&one, &height_, &biomass_});
    coupling->observe({genus, height, biomass}, {{}, {}, {}});
    coupling->finish_fit();
    return coupling;
  };
  const std::vector<at::Tensor> o = {at::zeros({1, 1, 2, 2}, at::kDouble), at::full({1, 1, 2, 2}, 9.0, at::kDouble),
                                     at::full({1, 1, 2, 2}, 9.0, at::kDouble)};
  const at::Tensor lift = fitted("none")->residual(o) - fitted("baskerville")->residual(o);
  EXPECT_NEAR(lift.max().item<double>(), 0.6 * 0.6 / 2, 0.02);
  EXPECT_EQ(write_json(fitted("none")->state()), write_json(fitted("baskerville")->state())) << "never mixed in";
}

TEST_F(AllometryCouplingTest, training_targets_that_determine_nothing_are_refused) {
  const auto coupling = attached("{parameters: training}");
  coupling->observe({at::zeros({1, 2, 2}, at::kLong), at::ones({1, 2, 2}), at::ones({1, 2, 2})}, {{}, {}, {}});
  EXPECT_THAT(message_of([&] { coupling->finish_fit(); }),
              testing::AllOf(HasSubstr("no training pixel is left"), HasSubstr("4 height below 1.3 m")));
}

TEST_F(AllometryCouplingTest, mistakes_are_named) {
  const auto refused = [&](const std::string& yaml) { return message_of([&] { attached(yaml); }); };
  EXPECT_THAT(
      refused("{parameters: " + file("kg") + "}"),
      testing::AllOf(HasSubstr("p.json"), HasSubstr("kg"), HasSubstr("Mg/ha"), HasSubstr("fit from the rasters")));
  EXPECT_THAT(refused("{parameters: " + file() + ", law: quadratic}"),
              testing::AllOf(HasSubstr("p.json:1"), HasSubstr("power"), HasSubstr("quadratic")));
  EXPECT_THAT(refused("{parameters: " + file("Mg/ha", "-1") + "}"),
              testing::AllOf(HasSubstr("p.json:3"), HasSubstr("genera.Fagus"), HasSubstr("beta > 0")));
  EXPECT_THAT(refused("{parameters: " + file("Mg/ha", "\"NaN\"") + "}"),
              testing::AllOf(HasSubstr("genera.Fagus.beta"), HasSubstr("no finite number")));
  const FakeTask larch("genus", {"Pinus", "Larix", "Fagsu"}, "");
  EXPECT_THAT(message_of([&] {
                make("{parameters: " + file() + "}")->attach({&larch, &height_, &biomass_});
              }),
              testing::AllOf(HasSubstr("2 of 3 classes"), HasSubstr("Larix"), HasSubstr("did you mean \"Fagus\"")));
  EXPECT_THAT(message_of([&] {
                make("{parameters: " + file() + "}")->attach({&height_, &height_, &biomass_});
              }),
              HasSubstr("predicts no classes"));
  const TaskOfSamples tall("height", {}, "m");
  EXPECT_THAT(message_of([&] {
                make("{parameters: training}")->attach({&genus_, &tall, &biomass_});
              }),
              testing::AllOf(HasSubstr("task \"height\""), HasSubstr("for each pixel")));
  EXPECT_THAT(refused("{parameters: {alpha: 1, unit: Mg/ha}}"), HasSubstr("\"beta\" is missing"));
  EXPECT_THAT(refused("{parameters: {alpha: 1, beta: 2}}"), HasSubstr("\"unit\" is missing"));
  EXPECT_THAT(refused("{parameters: {alpha: 1, beta: 2, gamma: 1, unit: Mg/ha}}"), HasSubstr("has no gamma"));
  EXPECT_THAT(refused("{parameters: {alpha: 1, beta: 2, unit: kg}}"), HasSubstr("kg"));
  EXPECT_THAT(refused("{parameters: training, law: pwer}"), HasSubstr("did you mean \"power\""));
  EXPECT_THAT(refused("{parameters: " + file() + ", pooling: none}"), HasSubstr("pooling"));
  EXPECT_THAT(refused("{parameters: training, detach: [gneus]}"), HasSubstr("did you mean \"genus\""));
  EXPECT_THAT(refused("{}"), HasSubstr("\"parameters\" is missing"));
  EXPECT_THAT(refused("{parameters: nowhere.json}"), HasSubstr("nowhere.json"));
}

}  // namespace
}  // namespace polytask
